/**
 * A long list that stays smooth: rows are kept by key, drawn again only when their item is another one, and made a few at a
 * time. Rows are contained (style sheet): one that changes lays out nothing else. To lay them out as they come into sight
 * (content-visibility) makes scrolling half as fast.
 */
import { keepFocus } from './dom.ts';

const FRAME_BUDGET_MS = 6;

export interface Row<T> {
  element: HTMLElement;
  draw(item: T): void;
}

export interface ListOptions<T> {
  container: HTMLElement;
  make(key: string, item: T): Row<T>;
}

export class List<T> {
  readonly #options: ListOptions<T>;
  readonly #rows = new Map<string, { row: Row<T>; item: T; stamp: number }>();
  #wanted: readonly (readonly [string, T])[] = [];
  #next = 0;
  #stamp = 0;
  #frame = 0;

  constructor(options: ListOptions<T>) {
    this.#options = options;
  }

  /** `stamp`: rows that were drawn under another one are drawn again (ages go on). */
  show(wanted: readonly (readonly [string, T])[], stamp = 0): void {
    this.#wanted = wanted;
    this.#stamp = stamp;
    this.#next = 0;
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, { row }] of this.#rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    cancelAnimationFrame(this.#frame);
    this.#work();
  }

  #work(): void {
    const endMs = performance.now() + FRAME_BUDGET_MS;
    const { container } = this.#options;
    while (this.#next < this.#wanted.length) {
      const entry = this.#wanted[this.#next];
      if (entry === undefined) break;
      const node = this.#rowOf(entry[0], entry[1]);
      const there = container.children[this.#next];
      if (there !== node) container.insertBefore(node, there ?? null);
      this.#next += 1;
      if (performance.now() > endMs && this.#next < this.#wanted.length) {
        this.#frame = requestAnimationFrame(() => this.#work());
        return;
      }
    }
  }

  #rowOf(key: string, item: T): HTMLElement {
    const known = this.#rows.get(key);
    if (known === undefined) {
      const row = this.#options.make(key, item);
      row.draw(item);
      this.#rows.set(key, { row, item, stamp: this.#stamp });
      return row.element;
    }
    if (known.item !== item || known.stamp !== this.#stamp) {
      keepFocus(known.row.element, () => known.row.draw(item));
      known.item = item;
      known.stamp = this.#stamp;
    }
    return known.row.element;
  }
}
