/**
 * What writes that are on their way will take from quotas: counted from the moment they are let through until the index shows
 * what became of them, so that two at once never share what is left. A write that fails gives back at once.
 * Invariant: an entry goes with the first change of its object after it was made, or when its write does not happen.
 */
import type { Usage } from '../../../../shared/api/quota/usage.ts';
import type { ApiObject } from '../../storage/api-object.ts';
import type { Change } from '../../storage/change.ts';
import type { IndexListener } from '../../storage/object-index.ts';

export interface PendingWrite {
  /** Store key of the object. */
  key: string;
  namespace: string;
  object: ApiObject;
  /** What it takes beyond what the stored object takes already. */
  usage: Usage;
  /** The write is a change after this one. */
  afterRevision: number;
}

/** Of one kind. */
export class PendingUsage implements IndexListener {
  readonly #writes = new Set<PendingWrite>();

  get size(): number {
    return this.#writes.size;
  }

  /** Gives what undoes it. */
  add(write: PendingWrite): () => void {
    this.#writes.add(write);
    return () => this.#writes.delete(write);
  }

  *in(namespace: string): Iterable<PendingWrite> {
    for (const write of this.#writes) if (write.namespace === namespace) yield write;
  }

  onChange({ key, revision }: Change): void {
    for (const write of this.#writes) {
      if (write.key === key && write.afterRevision < revision) this.#writes.delete(write);
    }
  }

  /** The watch of the store broke off, and nobody can say which of the writes were read: nothing may stay counted for ever. */
  onFilled(): void {
    this.#writes.clear();
  }
}
