/**
 * How long a Job waits before it makes another pod after failures. Pure: the ended pods themselves are the memory, so that a
 * new master waits as long as the old one would have. Source: Kubernetes, "Pod backoff failure policy": 10 s, 20 s, 40 s …
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { allFailuresBefore, endedMs, hasFailed, hasSucceeded } from './pod-facts.ts';

const INITIAL_MS = 10_000;
const MAX_MS = 600_000;

/** Milliseconds since this controller first saw that the pod had ended, by a clock that never jumps. */
export type SeenForMs = (pod: Pod) => number;

export interface BackoffInput {
  nowMs: number;
  seenForMs: SeenForMs;
}

/** Milliseconds from now, by the failures since the last success; 0: at once. */
export function jobBackoffMs(pods: readonly Pod[], input: BackoffInput): number {
  const ended = pods.filter((pod) => hasSucceeded(pod) || hasFailed(pod)).sort((a, b) => endedMs(a) - endedMs(b));
  const lastSuccess = ended.findLastIndex(hasSucceeded);
  const failures = ended.slice(lastSuccess + 1);
  return Math.max(0, ...failures.map((pod) => remainingMs(failures.length, pod, input)));
}

/** `latest` is the latest failed pod of an index with a limit of its own. */
export function indexBackoffMs(latest: Pod, input: BackoffInput): number {
  return remainingMs(allFailuresBefore(latest) + 1, latest, input);
}

/**
 * By the time that the board gave, and no longer than since the end was seen: a time that lies ahead, because a clock was
 * wrong and is right again, would hold the job up until then.
 */
function remainingMs(failures: number, pod: Pod, { nowMs, seenForMs }: BackoffInput): number {
  const delayMs = Math.min(MAX_MS, INITIAL_MS * 2 ** Math.min(failures - 1, 16));
  return Math.max(0, delayMs - Math.max(nowMs - endedMs(pod), seenForMs(pod)));
}
