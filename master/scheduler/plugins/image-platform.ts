/**
 * ImagePlatform: a pod goes only where its images run. What is not known refuses nobody, and a node that has the image
 * already has shown that it can; Kubernetes has no such filter and lets the pod fail on the node.
 */
import type { ImageInfo } from '../../../shared/api/image-info.ts';
import { choosePlatform, formatPlatform } from '../../../shared/machinery/image-platform.ts';
import type { FilterPlugin, Reasons } from '../framework.ts';
import { type ImageState, type NeededImage, neededImages, platformOf } from '../images/image-state.ts';
import type { NodeInfo } from '../node-info.ts';

interface KnownImage extends NeededImage {
  platforms: NonNullable<ImageInfo['status']['platforms']>;
}

export const imagePlatform: FilterPlugin = {
  name: 'ImagePlatform',
  yieldsToPreemption: false,
  preFilter({ pod }, { images }) {
    if (images.infos.size === 0) return undefined;
    const known = knownImages(neededImages(pod), images);
    if (known.length === 0) return undefined;
    // Nodes of a platform get the same answer but for what they have already.
    const missing = new Map<string, readonly KnownImage[]>();
    return {
      check: (node) => {
        const platform = formatPlatform(platformOf(node.node));
        const without = missing.get(platform) ?? findMissing(known, node);
        missing.set(platform, without);
        if (without.length === 0) return undefined;
        const needed = without.filter((image) => image.isAlwaysPulled || !has(images, node, image));
        return needed.length === 0 ? undefined : needed.map((image) => renderReason(image, platform));
      },
    };
  },
  wakesOn: ({ pod }, event) =>
    event.type === 'image-changed' && neededImages(pod).some(({ canonical }) => canonical === event.image),
};

function knownImages(needed: readonly NeededImage[], { infos }: ImageState): KnownImage[] {
  return needed.flatMap((image) => {
    const { state, platforms = [] } = infos.get(image.canonical)?.status ?? {};
    return state === 'Known' && platforms.length > 0 ? [{ ...image, platforms }] : [];
  });
}

function findMissing(known: readonly KnownImage[], { node }: NodeInfo): KnownImage[] {
  return known.filter(({ platforms }) => choosePlatform(platformOf(node), platforms) === undefined);
}

function has(images: ImageState, { name }: NodeInfo, { canonical }: KnownImage): boolean {
  return images.sizeOn(name, canonical) !== undefined;
}

/** `node(s) had no image "team/app:1" for linux/arm64 (it is built for linux/amd64)` */
function renderReason({ written, platforms }: KnownImage, platform: string): Reasons[number] {
  const built = platforms.map(formatPlatform).join(', ');
  return `node(s) had no image "${written}" for ${platform} (it is built for ${built})`;
}
