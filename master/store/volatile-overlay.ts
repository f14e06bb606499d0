/**
 * What memory writes did: values that lie over the durable table until the process ends. A shadow hides the durable row of
 * its key, if it has one; a shadow without a value says that the key is deleted while its row is still on disk.
 */
import type { KeyValue } from './store.ts';

export interface Shadow {
  /** undefined: deleted, although the disk still has the key. */
  keyValue: KeyValue | undefined;
}

/** `undefined` takes the shadow away: what the disk has is true again. */
export type ShadowChanges = ReadonlyMap<string, Shadow | undefined>;

export class VolatileOverlay {
  readonly #shadows = new Map<string, Shadow>();

  get(key: string): Shadow | undefined {
    return this.#shadows.get(key);
  }

  /** In no particular order. */
  *under(prefix: string): Generator<[string, Shadow]> {
    for (const entry of this.#shadows) if (entry[0].startsWith(prefix)) yield entry;
  }

  apply(changes: ShadowChanges): void {
    for (const [key, shadow] of changes) {
      if (shadow === undefined) this.#shadows.delete(key);
      else this.#shadows.set(key, shadow);
    }
  }
}
