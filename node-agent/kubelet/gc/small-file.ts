/** One small file of the agent's own (adapter: touches the disk). Replaced as a whole, so that a power cut leaves the old or the new one. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Failures are the caller's to bear: what lies here only saves work. */
export interface SmallFile {
  /** undefined: there is none. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
  /** A missing one is fine. */
  remove(): Promise<void>;
}

const MODE = 0o600;

export function createSmallFile(path: string): SmallFile {
  return {
    read: () =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    async write(text) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, text, { mode: MODE, flush: true });
      await rename(`${path}.new`, path);
    },
    remove: () => rm(path, { force: true }),
  };
}

/** Remembers nothing beyond the process: simulations, and agents without a data directory. */
export function createMemoryFile(): SmallFile {
  let content: string | undefined;
  return {
    read: async () => content,
    async write(text) {
      content = text;
    },
    async remove() {
      content = undefined;
    },
  };
}
