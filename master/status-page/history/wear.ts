/** What a board writes to its disks a day, by the counter that it reports. Begins anew when the board has booted. */
export class Wear {
  #first: { atMs: number; bytes: number } | undefined;
  #last: { atMs: number; bytes: number } | undefined;

  add(atMs: number, bytes: number): void {
    if (this.#last !== undefined && (bytes < this.#last.bytes || atMs < this.#last.atMs)) this.#first = undefined;
    this.#last = { atMs, bytes };
    this.#first ??= this.#last;
  }

  /** Undefined until there is enough to say something. */
  bytesPerDay(): number | undefined {
    if (this.#first === undefined || this.#last === undefined) return undefined;
    const spanMs = this.#last.atMs - this.#first.atMs;
    if (spanMs < MIN_SPAN_MS) return undefined;
    return roundToTwoDigits(((this.#last.bytes - this.#first.bytes) / spanMs) * DAY_MS);
  }
}

const MIN_SPAN_MS = 600_000;
const DAY_MS = 86_400_000;

/** A figure that changes with each look says no more than one that does not. */
function roundToTwoDigits(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}
