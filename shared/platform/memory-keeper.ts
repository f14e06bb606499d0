/**
 * Gives memory back after a burst of work: the start, pods that come and go, a copied image, many clients at once. V8 keeps what
 * a burst has used, for minutes or until the next one, and a board has better use for it. Nothing is done while there is work,
 * nor where none was: an idle process stays idle.
 */
import type { Clock, Timer } from './clock.ts';
import type { Component } from './lifecycle.ts';

export interface MemoryKeeperOptions {
  clock: Clock;
  /** Processor time of the whole process until now. */
  usedCpuMs(): number;
  /** Gives back what is free. Takes some 60 ms of a fast core, in which nothing else is done. */
  collect(): void;
}

const LOOK_INTERVAL_MS = 3_000;

/** In an interval: what a process needs that waits and answers a name now and then. */
const QUIET_CPU_MS = 90;

/** Bursts come in series: code that a collection forgets would have to be compiled again for the next one. */
const QUIET_INTERVALS = 3;

/** Work that leaves enough behind: a start is a second, ten pods half a second. */
const WORTH_CPU_MS = 300;

export class MemoryKeeper implements Component {
  readonly #options: MemoryKeeperOptions;
  #timer: Timer | undefined;
  #seenCpuMs = 0;
  /** Of busy intervals since the last collection. */
  #workMs = 0;
  /** In a row, until now. */
  #quietIntervals = 0;

  constructor(options: MemoryKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#plan();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #plan(): void {
    this.#timer = this.#options.clock.after(LOOK_INTERVAL_MS, () => {
      this.#look();
      this.#plan();
    });
  }

  #look(): void {
    const { usedCpuMs, collect } = this.#options;
    const usedMs = usedCpuMs();
    const intervalMs = usedMs - this.#seenCpuMs;
    this.#seenCpuMs = usedMs;
    if (intervalMs > QUIET_CPU_MS) {
      this.#workMs += intervalMs;
      this.#quietIntervals = 0;
      return;
    }
    this.#quietIntervals += 1;
    if (this.#quietIntervals < QUIET_INTERVALS || this.#workMs < WORTH_CPU_MS) return;
    collect();
    this.#workMs = 0;
    // Collecting is no work that leaves something behind.
    this.#seenCpuMs = usedCpuMs();
  }
}
