/**
 * What is known of images: what registries say of them, and which nodes have them. Kept by small steps, so that a decision
 * asks nothing about images that nobody has and nothing is said of.
 * Invariant: `holders` counts exactly the images that the nodes list now.
 */
import type { ImageInfo } from '../../../shared/api/image-info.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { formatPlatform, type ImagePlatform } from '../../../shared/machinery/image-platform.ts';
import { canonicalImage } from '../../../shared/machinery/image-reference.ts';
import { addTo } from '../pod-groups.ts';

/** An image that a node needs for a pod. */
export interface NeededImage {
  /** As the pod writes it. */
  written: string;
  canonical: string;
  /** What is on a node already does not count: the registry is asked anyway. */
  isAlwaysPulled: boolean;
}

interface NodeImages {
  platform: string;
  /** Canonical names, with their sizes in bytes. */
  sizes: ReadonlyMap<string, number>;
}

/** Each once; those that are never pulled are left out. */
export function neededImages({ spec }: Pick<Pod, 'spec'>): NeededImage[] {
  const needed = new Map<string, NeededImage>();
  for (const { image, imagePullPolicy } of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (!image || imagePullPolicy === 'Never') continue;
    const canonical = canonicalImage(image);
    const isAlwaysPulled = imagePullPolicy === 'Always' || needed.get(canonical)?.isAlwaysPulled === true;
    needed.set(canonical, { written: image, canonical, isAlwaysPulled });
  }
  return [...needed.values()];
}

export function platformOf({ metadata, status }: Node): ImagePlatform {
  const labels = metadata.labels ?? {};
  return {
    os: labels['kubernetes.io/os'] ?? status.nodeInfo.operatingSystem,
    architecture: labels['kubernetes.io/arch'] ?? status.nodeInfo.architecture,
  };
}

export class ImageState {
  /** By canonical name. */
  readonly infos = new Map<string, ImageInfo>();
  readonly #nodes = new Map<string, NodeImages>();
  readonly #platforms = new Map<string, number>();
  /** Canonical name → platform → number of nodes that have it. */
  readonly #holders = new Map<string, Map<string, number>>();

  setNode(node: Node): void {
    this.removeNode(node.metadata.name);
    const read = { platform: formatPlatform(platformOf(node)), sizes: readSizes(node.status.images ?? []) };
    this.#nodes.set(node.metadata.name, read);
    this.#count(read, 1);
  }

  removeNode(name: string): void {
    const known = this.#nodes.get(name);
    if (known === undefined) return;
    this.#count(known, -1);
    this.#nodes.delete(name);
  }

  /** undefined: the node does not have it. */
  sizeOn(nodeName: string, canonical: string): number | undefined {
    return this.#nodes.get(nodeName)?.sizes.get(canonical);
  }

  holderCount(canonical: string): number {
    let total = 0;
    for (const count of this.#holders.get(canonical)?.values() ?? []) total += count;
    return total;
  }

  /** Nothing is said of it yet, and not every kind of node has it: what it is built for is worth waiting for. */
  isUnheardOf({ canonical }: NeededImage): boolean {
    if (this.infos.has(canonical)) return false;
    const holders = this.#holders.get(canonical);
    for (const platform of this.#platforms.keys()) if (!holders?.has(platform)) return true;
    return false;
  }

  #count({ platform, sizes }: NodeImages, sign: 1 | -1): void {
    addTo(this.#platforms, platform, sign);
    for (const image of sizes.keys()) {
      const holders = this.#holders.get(image) ?? new Map<string, number>();
      addTo(holders, platform, sign);
      if (holders.size === 0) this.#holders.delete(image);
      else this.#holders.set(image, holders);
    }
  }
}

function readSizes(images: NonNullable<Node['status']['images']>): Map<string, number> {
  return new Map(
    images.flatMap(({ names = [], sizeBytes = 0 }) => names.map((name) => [canonicalImage(name), sizeBytes] as const)),
  );
}
