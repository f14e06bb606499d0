/**
 * Which pods a Job makes and which it gives up. Pure.
 * Invariant: active pods are never more than parallelism, nor more than the completions that are still missing; of an index
 * there is one at a time.
 */
import type { Job } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { hasIndex, type IndexRanges } from '../../../shared/machinery/index-ranges.ts';
import { isPodActive } from '../pod-state.ts';
import { rankForDeletion } from '../replica-set/ranking.ts';
import { indexBackoffMs, jobBackoffMs, type SeenForMs } from './backoff.ts';
import { judgeFailure } from './failure-policy.ts';
import { succeededOf } from './outcome.ts';
import {
  allFailuresBefore,
  failuresBefore,
  hasFailed,
  ignoredFailuresBefore,
  indexOf,
  isIndexed,
  isTerminating,
  isTracked,
} from './pod-facts.ts';
import type { Tally } from './tally.ts';

/** A pod that is to be made; without an index in jobs without indexes. */
export interface PodWish {
  index?: number;
  /** Where indexes have limits: failures of the index so far. */
  failures?: { counted: number; ignored: number };
}

export interface Sizing {
  make: readonly PodWish[];
  remove: readonly Pod[];
  /** Until further pods may be made. */
  waitMs: number | undefined;
}

export interface SizingInput {
  job: Job;
  tally: Tally;
  pods: readonly Pod[];
  nowMs: number;
  seenForMs: SeenForMs;
}

/** Pods made or deleted in one step; the rest follows when these have been seen. */
export const MAX_PODS_A_STEP = 500;

export function computeSizing(input: SizingInput): Sizing {
  const active = input.pods.filter(isPodActive);
  const wanted = wantedActive(input, active.length);
  const remove = computeRemovals(input, active, wanted).slice(0, MAX_PODS_A_STEP);
  if (remove.length > 0) return { make: [], remove, waitMs: undefined };
  const replacesLate = input.job.spec.podReplacementPolicy === 'Failed';
  const taken = active.length + (replacesLate ? input.pods.filter(isTerminating).length : 0);
  const missing = Math.min(wanted - taken, MAX_PODS_A_STEP);
  return missing <= 0 ? { make: [], remove, waitMs: undefined } : { ...computeWishes(input, missing), remove };
}

function wantedActive({ job, tally }: SizingInput, active: number): number {
  const { completions, parallelism = 1 } = job.spec;
  const succeeded = succeededOf(job, tally);
  // One success ends a job without completions; what runs may finish.
  if (completions === undefined) return succeeded > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

function computeRemovals({ job, tally, pods, nowMs }: SizingInput, active: readonly Pod[], wanted: number): Pod[] {
  const ranked = rankForDeletion({ pods: active, related: pods, nowMs });
  const useless = isIndexed(job) ? uselessPods(job, tally, ranked) : [];
  const others = ranked.filter((pod) => !useless.includes(pod));
  return [...useless, ...others.slice(0, Math.max(0, active.length - wanted - useless.length))];
}

/** Of an index that is not wanted, or has succeeded, or a second one of its index; of several the one that is worth most stays. */
function uselessPods({ spec }: Job, { completed }: Tally, ranked: readonly Pod[]): Pod[] {
  const seen = new Set<number>();
  return ranked.toReversed().filter((pod) => {
    const index = indexOf(pod);
    if (index === undefined || index >= (spec.completions ?? 0) || seen.has(index)) return true;
    if (hasIndex(completed, index)) return true;
    seen.add(index);
    return false;
  });
}

function computeWishes(input: SizingInput, missing: number): Pick<Sizing, 'make' | 'waitMs'> {
  const { job, pods } = input;
  if (job.spec.backoffLimitPerIndex !== undefined) return computeLimitedIndexes(input, missing);
  const waitMs = jobBackoffMs(pods, input);
  if (waitMs > 0) return { make: [], waitMs };
  if (!isIndexed(job)) return { make: Array.from({ length: missing }, () => ({})), waitMs: undefined };
  const make = [...freeIndexes(input)].slice(0, missing).map((index) => ({ index }));
  return { make, waitMs: undefined };
}

/** Each index waits for its own failures. */
function computeLimitedIndexes(input: SizingInput, missing: number): Pick<Sizing, 'make' | 'waitMs'> {
  const make: PodWish[] = [];
  const waits: number[] = [];
  for (const index of freeIndexes(input)) {
    if (make.length === missing) break;
    const latest = latestFailure(input.pods, index);
    const waitMs = latest === undefined ? 0 : indexBackoffMs(latest, input);
    if (waitMs > 0) waits.push(waitMs);
    else make.push({ index, failures: latest === undefined ? NO_FAILURES : failuresAfter(input.job, latest) });
  }
  return { make, waitMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

const NO_FAILURES = { counted: 0, ignored: 0 };

function latestFailure(pods: readonly Pod[], index: number): Pod | undefined {
  const failed = pods.filter((pod) => indexOf(pod) === index && isTracked(pod) && (hasFailed(pod) || isGoing(pod)));
  return failed.sort((a, b) => allFailuresBefore(a) - allFailuresBefore(b)).at(-1);
}

function isGoing({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function failuresAfter(job: Job, pod: Pod): NonNullable<PodWish['failures']> {
  const isIgnored = judgeFailure(job, pod).action === 'Ignore';
  return {
    counted: failuresBefore(pod) + (isIgnored ? 0 : 1),
    ignored: ignoredFailuresBefore(pod) + (isIgnored ? 1 : 0),
  };
}

/** Indexes that are neither over nor under way, ascending. */
function* freeIndexes({ job, pods, tally }: SizingInput): Generator<number> {
  const replacesLate = job.spec.podReplacementPolicy === 'Failed';
  const busy = pods.filter((pod) => isPodActive(pod) || (replacesLate && isTerminating(pod)));
  const taken = new Set(busy.map(indexOf));
  const over: readonly IndexRanges[] = [tally.completed, tally.failedIndexes];
  for (let index = 0; index < (job.spec.completions ?? 0); index += 1) {
    if (!taken.has(index) && !over.some((ranges) => hasIndex(ranges, index))) yield index;
  }
}
