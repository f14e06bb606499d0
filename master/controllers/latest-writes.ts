/**
 * What a controller has written and its informer does not show yet. A plan that is made from the informer's old copy would
 * do again what has been done; so as long as the informer shows a version that was written over, the written one counts.
 * Invariant: versions of one object follow each other, because each write names the version it was made from; whatever the
 * informer shows that was not written over is newer than the write.
 */
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';

interface Entry<T> {
  latest: T;
  /** Versions that were written over since the informer last kept up. */
  over: Set<string>;
}

export class LatestWrites<T extends KubernetesObject> {
  readonly #entries = new Map<string, Entry<T>>();

  /** The object as it is known to be, for the one that the informer shows. */
  of(shown: T): T {
    const { uid, resourceVersion } = shown.metadata;
    const entry = this.#entries.get(uid);
    if (entry === undefined) return shown;
    if (entry.over.has(resourceVersion)) return entry.latest;
    this.#entries.delete(uid);
    return shown;
  }

  /** The server has answered `written` to a write that was made from `before`. */
  note(before: T, written: T): void {
    const { uid, resourceVersion } = before.metadata;
    // A write that changed nothing is never shown.
    if (written.metadata.resourceVersion === resourceVersion) return;
    const over = this.#entries.get(uid)?.over ?? new Set();
    this.#entries.set(uid, { latest: written, over: over.add(resourceVersion) });
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }
}
