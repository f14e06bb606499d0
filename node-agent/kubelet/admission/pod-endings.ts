/** Pods that the node has decided to end, and why: kept until nothing is left of them, as a decision does not change again. */
import type { PodEnding } from '../pod/pod-gate.ts';

export class PodEndings {
  readonly #endings = new Map<string, PodEnding>();

  get(uid: string): PodEnding | undefined {
    return this.#endings.get(uid);
  }

  has(uid: string): boolean {
    return this.#endings.has(uid);
  }

  /** The first decision counts. */
  set(uid: string, ending: PodEnding): PodEnding {
    const present = this.#endings.get(uid);
    if (present !== undefined) return present;
    this.#endings.set(uid, ending);
    return ending;
  }

  forget(uid: string): void {
    this.#endings.delete(uid);
  }
}
