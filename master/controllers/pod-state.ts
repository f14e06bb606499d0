/** What controllers ask of a pod. Pure. */
import type { Pod } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import { parseTime } from '../../shared/platform/clock.ts';

/** Neither ended nor being deleted: it counts as a replica. */
export function isPodActive(pod: Pod): boolean {
  const { phase } = pod.status;
  return phase !== 'Succeeded' && phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined;
}

export function isPodReady(pod: Pod): boolean {
  return getCondition(pod.status.conditions, 'Ready')?.status === 'True';
}

/** Milliseconds since the epoch; undefined when the pod is not ready or does not say since when. */
export function readySinceMs(pod: Pod): number | undefined {
  return isPodReady(pod) ? parseTime(getCondition(pod.status.conditions, 'Ready')?.lastTransitionTime) : undefined;
}

/** What clocks of master and boards may differ by. A time further ahead was told by a clock that was wrong. */
const MAX_SKEW_MS = 60_000;

/**
 * Milliseconds until the pod counts as available: 0 is now, undefined is not as long as it is not ready. Since when a pod is
 * ready cannot be told when its time lies ahead; it does not hold a roll-out up until then, which may be years.
 */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const sinceMs = readySinceMs(pod);
  if (sinceMs === undefined) return undefined;
  return sinceMs > nowMs + MAX_SKEW_MS ? 0 : Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}

export function restartsOf(pod: Pod): number {
  return (pod.status.containerStatuses ?? []).reduce((most, status) => Math.max(most, status.restartCount), 0);
}
