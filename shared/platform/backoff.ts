/** Exponential back-off with jitter, as a value: the caller keeps the attempt count and owns the timer. */
import { nextFloat, type Random } from './random.ts';

export interface BackoffPolicy {
  initialMs: number;
  maxMs: number;
  factor: number;
  /** Share of the delay that is random, 0…1: spreads a fleet that lost power together. */
  jitter: number;
}

/** Delay before attempt number `attempt` (0 is the first retry), in milliseconds. */
export function computeBackoffMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const full = Math.min(policy.maxMs, policy.initialMs * policy.factor ** Math.min(attempt, 64));
  return full * (1 - policy.jitter) + full * policy.jitter * nextFloat(random);
}
