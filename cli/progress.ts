/** Progress of long work, for people: a spinner on a terminal, one line a step elsewhere. Never on stdout. */
import type { Clock, Timer } from '../shared/platform/clock.ts';
import type { Output } from './context.ts';

export interface Progress {
  /** Shows `title` while `work` runs; `note` adds what it is doing right now. Errors pass through. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  info(text: string): void;
  warn(text: string): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

/** A step shorter than this is shown without its duration. */
const WORTH_TIMING_MS = 500;

export function createProgress(output: Output, clock: Clock): Progress {
  return output.isTerminal ? new TerminalProgress(output, clock) : new PlainProgress(output, clock);
}

class PlainProgress implements Progress {
  readonly #output: Output;
  readonly #clock: Clock;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  async step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    this.#output.write(`- ${title} ...\n`);
    let lastNote = '';
    const result = await work((text) => {
      if (text !== lastNote) this.#output.write(`    ${text}\n`);
      lastNote = text;
    });
    const tookMs = this.#clock.monotonicMs() - startMs;
    if (tookMs >= WORTH_TIMING_MS) this.#output.write(`    done in ${renderSeconds(tookMs)}\n`);
    return result;
  }

  info(text: string): void {
    this.#output.write(`- ${text}\n`);
  }

  warn(text: string): void {
    this.#output.write(`! ${text}\n`);
  }
}

class TerminalProgress implements Progress {
  readonly #output: Output;
  readonly #clock: Clock;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  async step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    let note = '';
    const spinner = this.#spin(() => (note === '' ? title : `${title}: ${note}`));
    try {
      const result = await work((text) => {
        note = text;
      });
      spinner.cancel();
      this.#line(`\u001b[32m✓\u001b[0m ${title}${this.#took(startMs)}`);
      return result;
    } catch (error) {
      spinner.cancel();
      this.#line(`\u001b[31m✗\u001b[0m ${title}${this.#took(startMs)}`);
      throw error;
    }
  }

  info(text: string): void {
    this.#line(`\u001b[32m✓\u001b[0m ${text}`);
  }

  warn(text: string): void {
    this.#line(`\u001b[33m!\u001b[0m ${text}`);
  }

  #took(startMs: number): string {
    const tookMs = this.#clock.monotonicMs() - startMs;
    return tookMs < WORTH_TIMING_MS ? '' : ` \u001b[2m(${renderSeconds(tookMs)})\u001b[0m`;
  }

  #spin(text: () => string): Timer {
    let frame = 0;
    let timer: Timer | undefined;
    const draw = (): void => {
      const glyph = FRAMES[frame++ % FRAMES.length] ?? '';
      this.#output.write(`\r\u001b[K${glyph} ${fit(text(), this.#output.columns - 3)}`);
      timer = this.#clock.after(FRAME_MS, draw);
    };
    draw();
    return { cancel: () => timer?.cancel() };
  }

  #line(text: string): void {
    this.#output.write(`\r\u001b[K${text}\n`);
  }
}

function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function renderSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
