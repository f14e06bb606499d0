/** The last decisions, for people who ask why. Bounded by what they hold, not by time; the oldest goes first. */
import type { Decision } from '../decision.ts';

export interface LoggedDecision {
  uid: string;
  decision: Decision;
  /** Wall-clock time. */
  decidedMs: number;
}

export const MAX_LOGGED_DECISIONS = 1_000;

/** Scores and refusals that are kept together: about 3 MB. A small cluster's decisions are all remembered for long. */
export const MAX_LOGGED_CELLS = 150_000;

export class DecisionLog {
  readonly #decisions = new Map<string, LoggedDecision>();
  #cells = 0;

  add(key: string, logged: LoggedDecision): void {
    this.remove(key);
    this.#decisions.set(key, logged);
    this.#cells += cellsOf(logged.decision);
    for (const oldest of this.#decisions.keys()) {
      const isFull = this.#cells > MAX_LOGGED_CELLS || this.#decisions.size > MAX_LOGGED_DECISIONS;
      if (!isFull || oldest === key) return;
      this.remove(oldest);
    }
  }

  get(key: string, uid: string): LoggedDecision | undefined {
    const logged = this.#decisions.get(key);
    return logged?.uid === uid ? logged : undefined;
  }

  remove(key: string): void {
    const logged = this.#decisions.get(key);
    if (logged === undefined) return;
    this.#cells -= cellsOf(logged.decision);
    this.#decisions.delete(key);
  }
}

function cellsOf(decision: Decision): number {
  const refusals = 4 * decision.refusals.length;
  return decision.type === 'place' ? refusals + decision.candidates.length + decision.scores.size : refusals;
}
