/**
 * How the ImagePull of a node and an image is called, so that agent and master mean the same one, and the API server can tell
 * by the name alone whose it is.
 */
import { createHash } from 'node:crypto';
import { canonicalImage } from './image-reference.ts';

const HASH_CHARS = 16;
const NAME = /^[0-9a-f]{16}\.(.+)$/;

/** `always`: the name of the image is asked for anew; another wish than to have any image of that name. */
export function imagePullName(node: string, image: string, always: boolean): string {
  const text = `${canonicalImage(image)}${always ? '\nalways' : ''}`;
  return `${createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS)}.${node}`;
}

/** undefined: no such name. */
export function nodeOfImagePull(name: string): string | undefined {
  return NAME.exec(name)?.[1];
}
