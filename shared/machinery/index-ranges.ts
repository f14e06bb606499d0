/**
 * Sets of whole numbers as Jobs write them: `1,3-5,7`. Ranges are sorted, do not touch each other, and are never empty, so
 * that a set of a hundred thousand indexes stays a short text.
 */

/** First and last index of a range. */
export type IndexRange = readonly [from: number, to: number];

export type IndexRanges = readonly IndexRange[];

export class IndexRangesError extends Error {
  override readonly name = 'IndexRangesError';
}

/** Throws IndexRangesError unless the numbers are ascending. The empty text is the empty set. */
export function parseIndexRanges(text: string): IndexRanges {
  const ranges: [number, number][] = [];
  for (const part of text === '' ? [] : text.split(',')) {
    const [, first, last] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined) throw new IndexRangesError(`${JSON.stringify(part)} is no index and no range of indexes`);
    const [from, to] = [Number(first), Number(last ?? first)];
    const before = ranges.at(-1);
    if (last !== undefined && to <= from)
      throw new IndexRangesError(`the range ${part} has no end after its beginning`);
    if (before !== undefined && from <= before[1]) throw new IndexRangesError('indexes must be in ascending order');
    if (before !== undefined && from === before[1] + 1) before[1] = to;
    else ranges.push([from, to]);
  }
  return ranges;
}

/** Two neighbours are written as two, as Kubernetes does: `0,1`, and `0-2`. */
export function formatIndexRanges(ranges: IndexRanges): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}${to === from + 1 ? ',' : '-'}${to}`)).join(',');
}

export function indexRangesOf(indexes: Iterable<number>): IndexRanges {
  const ranges: [number, number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before === undefined || index > before[1] + 1) ranges.push([index, index]);
    else before[1] = index;
  }
  return ranges;
}

export function addIndexes(ranges: IndexRanges, indexes: Iterable<number>): IndexRanges {
  const all = [...ranges, ...[...indexes].map((index): IndexRange => [index, index])].sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [from, to] of all) {
    const before = merged.at(-1);
    if (before === undefined || from > before[1] + 1) merged.push([from, to]);
    else before[1] = Math.max(before[1], to);
  }
  return merged;
}

export function hasIndex(ranges: IndexRanges, index: number): boolean {
  return ranges.some(([from, to]) => from <= index && index <= to);
}

export function countIndexes(ranges: IndexRanges): number {
  return ranges.reduce((count, [from, to]) => count + to - from + 1, 0);
}

/** What is in both. */
export function intersectIndexes(left: IndexRanges, right: IndexRanges): IndexRanges {
  return left.flatMap(([from, to]) =>
    right
      .map(([first, last]): IndexRange => [Math.max(from, first), Math.min(to, last)])
      .filter(([first, last]) => first <= last),
  );
}
