/**
 * Which pods of a StatefulSet make room for the new revision: from the highest ordinal down, and never more at a time than
 * may be missing. Pure.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { StatefulSet } from '../../../shared/api/stateful-set.ts';
import { resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { revisionOf } from './identity.ts';
import { isBelowPartition, type Slot } from './slot.ts';

export function computeUpdates(set: StatefulSet, slots: readonly Slot[], updateRevision: string): Pod[] {
  if (set.spec.updateStrategy.type !== 'RollingUpdate') return [];
  const wanted = slots.filter(({ isCondemned }) => !isCondemned);
  let spare = maxUnavailable(set) - wanted.filter(({ health }) => health !== 'available').length;
  const outdated: Pod[] = [];
  for (const { ordinal, pod, health } of wanted.toReversed()) {
    if (isBelowPartition(set, ordinal)) break;
    if (pod === undefined || health === 'leaving' || health === 'ended' || revisionOf(pod) === updateRevision) continue;
    // A pod that is not available is no loss.
    if (health === 'available') spare -= 1;
    if (spare < 0) break;
    outdated.push(pod);
  }
  return outdated;
}

/** At least one, or nothing would ever move. */
export function maxUnavailable({ spec }: StatefulSet): number {
  const bound = spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1;
  return Math.max(1, resolveIntOrPercent(bound, spec.replicas, 'down'));
}
