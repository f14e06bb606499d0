/** What a command may touch of the world. main.ts makes the real one; a test makes another. */
import type { Readable } from 'node:stream';
import type { Clock } from '../shared/platform/clock.ts';
import type { Random } from '../shared/platform/random.ts';

export interface Output {
  /** True on a terminal: colours, spinners. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Lines of the terminal. */
  readonly rows?: number;
  write(data: string | Uint8Array): void;
  /** Tells each change of the terminal's size; returns what ends that. */
  onResize?(listener: () => void): () => void;
}

export interface Context {
  env: Readonly<Record<string, string | undefined>>;
  /** Folder that holds dist/ and examples/. */
  root: string;
  stdin: Readable;
  stdout: Output;
  stderr: Output;
  clock: Clock;
  random: Random;
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  isRoot: boolean;
}
