/**
 * What a controller has done and not yet seen. Its informer lags behind its own writes: until the pods it made have shown
 * up and those it deleted are gone, counting pods would make or delete them twice.
 * Invariant: a wish that is never fulfilled (a lost event) holds the controller up for EXPECTATION_LIMIT_MS at most.
 */
import type { Clock } from '../../../shared/platform/clock.ts';

interface Expectation {
  creations: number;
  deletions: Set<string>;
  sinceMs: number;
}

export const EXPECTATION_LIMIT_MS = 300_000;

const NOTHING = { creations: 0, deletions: new Set<string>() } as const;

export class Expectations {
  readonly #clock: Clock;
  readonly #byOwner = new Map<string, Expectation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call before the requests are sent: what they change may be seen before they are answered. */
  expectCreations(ownerUid: string, count: number): void {
    const { creations, deletions } = this.#pending(ownerUid);
    this.#set(ownerUid, { creations: Math.max(0, creations) + count, deletions });
  }

  expectDeletions(ownerUid: string, uids: readonly string[]): void {
    const { creations, deletions } = this.#pending(ownerUid);
    this.#set(ownerUid, { creations, deletions: new Set([...deletions, ...uids]) });
  }

  /** Seen, or failed. */
  noteCreation(ownerUid: string, count = 1): void {
    const expectation = this.#byOwner.get(ownerUid);
    if (expectation !== undefined) expectation.creations -= count;
  }

  /** Seen, or failed. */
  noteDeletion(ownerUid: string, uid: string): void {
    this.#byOwner.get(ownerUid)?.deletions.delete(uid);
  }

  forget(ownerUid: string): void {
    this.#byOwner.delete(ownerUid);
  }

  /** Milliseconds until the controller may go by its informer again whatever happens; 0: now. */
  remainingMs(ownerUid: string): number {
    const expectation = this.#byOwner.get(ownerUid);
    if (expectation === undefined) return 0;
    if (expectation.creations <= 0 && expectation.deletions.size === 0) return 0;
    return Math.max(0, expectation.sinceMs + EXPECTATION_LIMIT_MS - this.#clock.monotonicMs());
  }

  /** What is still waited for: deletions and creations of one step add up. */
  #pending(ownerUid: string): Omit<Expectation, 'sinceMs'> {
    const isWaiting = this.remainingMs(ownerUid) > 0;
    const { creations, deletions } = (isWaiting && this.#byOwner.get(ownerUid)) || NOTHING;
    return { creations, deletions };
  }

  #set(ownerUid: string, expected: Omit<Expectation, 'sinceMs'>): void {
    this.#byOwner.set(ownerUid, { ...expected, sinceMs: this.#clock.monotonicMs() });
  }
}
