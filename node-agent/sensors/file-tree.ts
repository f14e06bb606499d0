/**
 * Files of /proc, /sys and /dev below a root (adapter: reads files). Boards differ, so that what is missing reads as empty.
 * Read synchronously: the kernel answers from memory, and a thread of the pool would cost more than the file.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

export interface FileSystemSpace {
  totalBytes: number;
  availableBytes: number;
}

/** Paths are relative to the root: `proc/stat`. */
export class FileTree {
  /** Before every path; empty for the machine itself, a folder of fixtures in tests. */
  readonly root: string;
  readonly #real: string;

  constructor(root: string) {
    this.root = root;
    this.#real = orElse(() => realpathSync(root || '/'), root || '/');
  }

  /** Empty where there is no such file. */
  read(path: string): string {
    return orElse(() => readFileSync(this.path(path), 'utf8'), '');
  }

  /** First line without blanks around it. */
  readLine(path: string): string {
    return (this.read(path).split('\n', 1)[0] ?? '').trim();
  }

  readBytes(path: string): Uint8Array | undefined {
    return orElse(() => readFileSync(this.path(path)), undefined);
  }

  /** Names in a folder, sorted. */
  list(path: string): string[] {
    return orElse(() => readdirSync(this.path(path)), []).sort();
  }

  exists(path: string): boolean {
    return existsSync(this.path(path));
  }

  /** Where links lead to, again relative to the root; empty when that is nowhere, or outside. */
  resolve(path: string): string {
    const real = orElse(() => realpathSync(this.path(path)), '');
    const base = this.#real === '/' ? '/' : `${this.#real}/`;
    return real.startsWith(base) ? real.slice(base.length) : '';
  }

  /** undefined where there is no such path. */
  space(path: string): FileSystemSpace | undefined {
    const stats = orElse(() => statfsSync(this.path(path)), undefined);
    return stats && { totalBytes: stats.blocks * stats.bsize, availableBytes: stats.bavail * stats.bsize };
  }

  path(path: string): string {
    return join(this.root || '/', path);
  }
}

function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
