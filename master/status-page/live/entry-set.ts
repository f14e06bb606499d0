/**
 * The entries that the page shows, by key, each with its text. Changes are compared by text, so that what looks the same is
 * not told. Invariant: `texts` is what a reader has who has heard every change.
 */
import type { EntryView } from '../views/view-types.ts';

export interface Change {
  /** Text of each entry that is new or another one. */
  set: ReadonlyMap<string, string>;
  remove: readonly string[];
}

export class EntrySet {
  readonly #views = new Map<string, EntryView>();
  readonly #texts = new Map<string, string>();
  readonly #dirty = new Set<string>();

  /** The entry of that key is to be computed again. */
  mark(key: string): void {
    this.#dirty.add(key);
  }

  get texts(): ReadonlyMap<string, string> {
    return this.#texts;
  }

  view(key: string): EntryView | undefined {
    return this.#views.get(key);
  }

  *views(prefix: string): Iterable<EntryView> {
    for (const [key, view] of this.#views) if (key.startsWith(prefix)) yield view;
  }

  keys(): Iterable<string> {
    return this.#views.keys();
  }

  /** Computes what was marked; undefined when nothing looks another way. */
  refresh(compute: (key: string) => EntryView | undefined): Change | undefined {
    const set = new Map<string, string>();
    const remove: string[] = [];
    for (const key of this.#dirty) {
      const view = compute(key);
      if (view === undefined) {
        if (this.#delete(key)) remove.push(key);
      } else {
        const text = JSON.stringify(view);
        this.#views.set(key, view);
        if (this.#texts.get(key) === text) continue;
        this.#texts.set(key, text);
        set.set(key, text);
      }
    }
    this.#dirty.clear();
    return set.size === 0 && remove.length === 0 ? undefined : { set, remove };
  }

  #delete(key: string): boolean {
    this.#texts.delete(key);
    return this.#views.delete(key);
  }
}

/** `{"a":…,"b":…}` of texts that are JSON already. */
export function renderSet(set: Iterable<readonly [string, string]>): string {
  return `{${[...set].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}
