/**
 * How long a Job waits before it makes another pod after failures. Pure: the ended pods themselves are the memory, so that a
 * new master waits as long as the old one would have. Source: Kubernetes, "Pod backoff failure policy": 10 s, 20 s, 40 s …
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { allFailuresBefore, endedMs, hasFailed, hasSucceeded } from './pod-facts.ts';

const INITIAL_MS = 10_000;
const MAX_MS = 600_000;

/** Milliseconds from now, by the failures since the last success; 0: at once. */
export function jobBackoffMs(pods: readonly Pod[], nowMs: number): number {
  const ended = pods.filter((pod) => hasSucceeded(pod) || hasFailed(pod)).sort((a, b) => endedMs(a) - endedMs(b));
  const lastSuccess = ended.findLastIndex(hasSucceeded);
  const failures = ended.slice(lastSuccess + 1);
  const latest = failures.at(-1);
  return latest === undefined ? 0 : remainingMs(failures.length, endedMs(latest), nowMs);
}

/** `latest` is the latest failed pod of an index with a limit of its own. */
export function indexBackoffMs(latest: Pod, nowMs: number): number {
  return remainingMs(allFailuresBefore(latest) + 1, endedMs(latest), nowMs);
}

/** Never longer than the delay itself, whatever the clocks of master and board say. */
function remainingMs(failures: number, failedMs: number, nowMs: number): number {
  const delayMs = Math.min(MAX_MS, INITIAL_MS * 2 ** Math.min(failures - 1, 16));
  return Math.min(delayMs, Math.max(0, failedMs + delayMs - nowMs));
}
