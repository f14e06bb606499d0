/**
 * The last changes, each with the number that it has, as the texts that go to every reader: a reader that comes back, or that
 * is a little slow, goes on where it was. One log for all: nothing is kept for a single reader.
 */
export interface LoggedDelta {
  sequence: number;
  text: string;
}

/** Whoever is further behind begins anew. */
export const MAX_DELTAS = 256;
export const MAX_DELTA_BYTES = 2 * 1024 * 1024;

export class DeltaLog {
  readonly #deltas: LoggedDelta[] = [];
  #bytes = 0;
  #sequence = 0;

  /** Number of the newest change. */
  get sequence(): number {
    return this.#sequence;
  }

  /** `render` gets the number of the change and gives its text. */
  append(render: (sequence: number) => string): void {
    this.#sequence += 1;
    const text = render(this.#sequence);
    this.#deltas.push({ sequence: this.#sequence, text });
    this.#bytes += text.length;
    while (this.#deltas.length > MAX_DELTAS || (this.#bytes > MAX_DELTA_BYTES && this.#deltas.length > 1)) {
      this.#bytes -= this.#deltas.shift()?.text.length ?? 0;
    }
  }

  /** The change after that number; `none` when there is none yet, `gone` when it is no longer remembered. */
  after(sequence: number): LoggedDelta | 'none' | 'gone' {
    if (sequence === this.#sequence) return 'none';
    const oldest = this.#deltas[0]?.sequence ?? this.#sequence + 1;
    return this.#deltas[sequence + 1 - oldest] ?? 'gone';
  }
}
