/** Why containers could not be made, kept until the next try, so that the status can tell it. In memory only. */
import type { Clock } from '../../shared/platform/clock.ts';
import type { StartProblem } from './pod/pod-view.ts';

/** Nothing tells the kubelet when the cause is gone, except a changed ConfigMap or Secret. */
const RETRY_MS = 10_000;

export class StartProblems {
  readonly #clock: Clock;
  readonly #problems = new Map<string, { reason: string; message: string; retryAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(uid: string, container: string, problem: { reason: string; message: string }): void {
    this.#problems.set(`${uid}/${container}`, { ...problem, retryAtMs: this.#clock.monotonicMs() + RETRY_MS });
  }

  get(uid: string, container: string): StartProblem | undefined {
    const problem = this.#problems.get(`${uid}/${container}`);
    if (problem === undefined) return undefined;
    const { reason, message, retryAtMs } = problem;
    return { reason, message, retryInMs: retryAtMs - this.#clock.monotonicMs() };
  }

  clear(uid: string, container: string): void {
    this.#problems.delete(`${uid}/${container}`);
  }

  /** Something that the pod depends on has changed: try again at once, and keep telling until then. */
  retryNow(uid: string): void {
    for (const [key, problem] of this.#problems) {
      if (key.startsWith(`${uid}/`)) problem.retryAtMs = this.#clock.monotonicMs();
    }
  }

  forget(uid: string): void {
    for (const key of [...this.#problems.keys()]) if (key.startsWith(`${uid}/`)) this.#problems.delete(key);
  }
}
