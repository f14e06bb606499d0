/** Pure: what has to be done so that the node's pods have their network. */
import { formatRange, parseRange } from '../../shared/machinery/ip-range.ts';
import type { PodNetworkRecord } from './pod-network-engine.ts';

export type PodNetworkAction =
  | { type: 'create'; subnets: readonly string[] }
  /** The pods on it have addresses that are another node's: they are made anew. */
  | { type: 'remove-container'; id: string }
  | { type: 'remove' };

export interface PodNetworkPlan {
  actions: readonly PodNetworkAction[];
  /** Why pods cannot start, once the actions are done; undefined: they can. */
  problem: string | undefined;
}

/** `wanted`: the node's slice; undefined: the master has not been heard, or has not given one yet. */
export function planPodNetwork(
  present: PodNetworkRecord | undefined,
  wanted: readonly string[] | undefined,
): PodNetworkPlan {
  // What the engine remembers of the last life is good enough to start pods without a master.
  if (wanted === undefined) {
    return { actions: [], problem: present ? undefined : 'the node has not been given addresses for its pods yet' };
  }
  if (present === undefined) return { actions: [{ type: 'create', subnets: wanted }], problem: undefined };
  if (sameRanges(present.subnets, wanted)) return { actions: [], problem: undefined };
  return {
    actions: [
      ...present.containers.map((id) => ({ type: 'remove-container', id }) as const),
      { type: 'remove' },
      { type: 'create', subnets: wanted },
    ],
    problem: undefined,
  };
}

function sameRanges(a: readonly string[], b: readonly string[]): boolean {
  const normal = (ranges: readonly string[]): string =>
    ranges
      .flatMap((text) => parseRange(text) ?? [])
      .map(formatRange)
      .sort()
      .join();
  return normal(a) === normal(b);
}
