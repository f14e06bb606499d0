/** What a StatefulSet sees in one of its pods. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import { availableInMs } from '../pod-state.ts';

/**
 * `gone`: there is none. `leaving`: it is being deleted; its name is not free before it is gone. `ended`: it will not run
 * again. `starting`: it is not ready. `settling`: ready, but not for minReadySeconds yet. `available`: nothing is missing.
 */
export type PodHealth = 'gone' | 'leaving' | 'ended' | 'starting' | 'settling' | 'available';

export function healthOf(pod: Pod | undefined, minReadySeconds: number, nowMs: number): PodHealth {
  if (pod === undefined) return 'gone';
  if (pod.metadata.deletionTimestamp !== undefined) return 'leaving';
  const { phase } = pod.status;
  if (phase === 'Failed' || phase === 'Succeeded') return 'ended';
  const waitMs = phase === 'Running' ? availableInMs(pod, minReadySeconds, nowMs) : undefined;
  if (waitMs === undefined) return 'starting';
  return waitMs === 0 ? 'available' : 'settling';
}

const BROKEN: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/** It cannot start, and will not without help. */
export function isBroken(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  return [...initContainerStatuses, ...containerStatuses].some(({ state }) => BROKEN.has(state.waiting?.reason ?? ''));
}
