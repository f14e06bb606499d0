/**
 * Keys in SQLite's order. SQLite compares text by its UTF-8 bytes (memcmp), JavaScript by UTF-16 units; they differ only
 * beyond U+D7FF, where surrogates stand, and this file is the one that knows.
 */

/** Half open: `lower <= key < upper`. */
export interface KeyRange {
  lower: string;
  /** A blob is greater than any text in SQLite, so the empty blob stands for "no bound". */
  upper: string | Uint8Array;
}

const NO_BOUND = new Uint8Array(0);
const SURROGATE = /[\ud800-\udfff]/;
const LAST_CODE_POINT = 0x10ffff;

/** All keys that start with `prefix`, those up to and including `startAfter` left out. */
export function prefixRange(prefix: string, startAfter?: string): KeyRange {
  const upper = prefixEnd(prefix);
  if (startAfter === undefined) return { lower: prefix, upper };
  const successor = `${startAfter}\0`;
  return { lower: compareKeys(successor, prefix) > 0 ? successor : prefix, upper };
}

/** The least text greater than every text with the prefix: `/pods/` gives `/pods0`. */
function prefixEnd(prefix: string): string | Uint8Array {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return NO_BOUND;
  // The code points after U+D7FF are surrogates, which no text holds alone.
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return String.fromCodePoint(...points, next);
}

/** Negative, zero or positive, in the order of the keys' UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Up to and including the last slash: `/core/pods/default/web` is in `/core/pods/default/`. */
export function directoryOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}
