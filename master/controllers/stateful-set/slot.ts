/** One place of a StatefulSet, and on which side of the partition it lies. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { StatefulSet } from '../../../shared/api/stateful-set.ts';
import { startOrdinal } from './identity.ts';
import type { PodHealth } from './pod-health.ts';

/** One place of the set: an ordinal, its pod, and how that does. */
export interface Slot {
  ordinal: number;
  pod: Pod | undefined;
  health: PodHealth;
  isCondemned: boolean;
}

export function isBelowPartition(set: StatefulSet, ordinal: number): boolean {
  const { type, rollingUpdate } = set.spec.updateStrategy;
  return type === 'RollingUpdate' && ordinal < startOrdinal(set) + (rollingUpdate?.partition ?? 0);
}
