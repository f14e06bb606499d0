/**
 * Since when this controller knows that a pod has ended, by the clock that never jumps. Kept in memory: a new master goes by
 * what the boards have said. The size is bounded by the number of ended pods of jobs; a pod that is gone is forgotten.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { hasFailed, hasSucceeded } from './pod-facts.ts';

export class EndTimes {
  readonly #clock: Clock;
  readonly #sinceMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const { uid } = pod.metadata;
      const isNew = !this.#sinceMs.has(uid) && (hasFailed(pod) || hasSucceeded(pod));
      if (isNew) this.#sinceMs.set(uid, this.#clock.monotonicMs());
    }
  }

  /** 0 for a pod that has not been noted. */
  seenForMs({ metadata }: Pod): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#sinceMs.get(metadata.uid) ?? nowMs);
  }

  forget(uid: string): void {
    this.#sinceMs.delete(uid);
  }
}
