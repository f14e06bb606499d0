/** How the ImageInfo of an image is called: names of images have letters that names of objects may not have. */
import { createHash } from 'node:crypto';

const HASH_CHARS = 40;

/** `canonical` as canonicalImage gives it. */
export function imageInfoName(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex').slice(0, HASH_CHARS);
}
