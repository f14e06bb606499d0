/**
 * Which pods speak for the load. Pure. Source: Kubernetes, "Horizontal Pod Autoscaling", algorithm details: pods that are
 * going, that just began, and of which nothing is known, must not be taken for idle ones.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { SAMPLE_WINDOW_MS, type Samples } from './samples.ts';

/** CPU that a program needs to begin is not its load. */
const CPU_INITIALIZATION_MS = 5 * 60_000;

/** A pod that was never ready within this time is beginning, too. */
const INITIAL_READINESS_MS = 30_000;

export interface PodGroups {
  /** Pods whose samples count. */
  ready: Pod[];
  unready: Pod[];
  /** Pods without a sample. */
  missing: Pod[];
}

export function groupPods(
  pods: readonly Pod[],
  samples: Samples,
  { resource, nowMs }: { resource: string; nowMs: number },
): PodGroups {
  const groups: PodGroups = { ready: [], unready: [], missing: [] };
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status.phase === 'Failed') continue;
    const sample = samples.get(pod.metadata.name);
    if (pod.status.phase === 'Pending') groups.unready.push(pod);
    else if (sample === undefined) groups.missing.push(pod);
    else if (resource === 'cpu' && isBeginning(pod, sample.takenMs, nowMs)) groups.unready.push(pod);
    else groups.ready.push(pod);
  }
  return groups;
}

function isBeginning({ status }: Pod, takenMs: number, nowMs: number): boolean {
  const ready = getCondition(status.conditions, 'Ready');
  const startedMs = parseTime(status.startTime ?? '');
  if (ready === undefined || startedMs === undefined) return true;
  const changedMs = parseTime(ready.lastTransitionTime ?? '') ?? 0;
  if (startedMs + CPU_INITIALIZATION_MS > nowMs) {
    return ready.status === 'False' || takenMs < changedMs + SAMPLE_WINDOW_MS;
  }
  return ready.status === 'False' && startedMs + INITIAL_READINESS_MS > changedMs;
}
