/** Pure: what the table knows of the network itself: the ranges of the cluster, of its services, of this machine's pods. */
import { formatRange, type IpFamily, parseRange } from '../../../shared/machinery/ip-range.ts';
import type { Element, Fragment } from './ruleset.ts';
import { setNames } from './words.ts';

export interface NetworkFacts {
  clusterRanges: readonly string[];
  serviceRanges: readonly string[];
  /** Of pods on this machine. */
  ownRanges: readonly string[];
}

export function renderNetwork({ clusterRanges, serviceRanges, ownRanges }: NetworkFacts): Fragment {
  const elements = [
    // What is not known yet of the cluster's range is at least ours.
    ...rangeElements('clusterRanges', clusterRanges.length > 0 ? clusterRanges : ownRanges),
    ...rangeElements('serviceRanges', serviceRanges),
    ...rangeElements('ownRanges', ownRanges),
  ];
  return { rank: '', chains: new Map(), sets: [], elements };
}

function rangeElements(name: keyof ReturnType<typeof setNames>, texts: readonly string[]): Element[] {
  const ranges = texts.flatMap((text) => parseRange(text) ?? []);
  return ranges.map((range) => ({ set: nameOf(name, range.family), key: formatRange(range), value: '' }));
}

function nameOf(name: keyof ReturnType<typeof setNames>, family: IpFamily): string {
  return setNames(family)[name];
}
