/** Platforms of images and of nodes, in the words of OCI's image index, and which image runs where. */

export interface ImagePlatform {
  os: string;
  /** `amd64`, `arm64`, `arm` */
  architecture: string;
  /** `v7`; empty or absent where it does not matter. */
  variant?: string;
}

/** What a CPU also runs, beside its own: Docker pulls these when there is nothing better. */
const COMPATIBLE: Readonly<Record<string, readonly string[]>> = { arm64: ['arm'], amd64: ['386'] };

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: ImagePlatform): string {
  return `${os}/${architecture}${variant ? `/${variant}` : ''}`;
}

/** A node does not tell its variant, so every variant of its architecture counts. */
export function runsOn(node: Pick<ImagePlatform, 'os' | 'architecture'>, image: ImagePlatform): boolean {
  if (node.os !== image.os) return false;
  if (node.architecture === image.architecture) return true;
  return COMPATIBLE[node.architecture]?.includes(image.architecture) ?? false;
}

/** The variant that a node of that platform gets: its own architecture before a compatible one. */
export function choosePlatform<T extends ImagePlatform>(
  node: Pick<ImagePlatform, 'os' | 'architecture'>,
  images: readonly T[],
): T | undefined {
  const exact = images.find(({ os, architecture }) => os === node.os && architecture === node.architecture);
  return exact ?? images.find((image) => runsOn(node, image));
}
