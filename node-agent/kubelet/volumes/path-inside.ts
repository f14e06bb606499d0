/**
 * Opening a path below a volume's root that a container can change at any time (adapter: files). Each part is opened from
 * its opened parent without following links, as openat(2) with O_NOFOLLOW does it; links are read and walked by hand, and may
 * not leave the root. What was opened stays what it is, whatever happens to its name afterwards.
 */
import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { isCode } from './file-errors.ts';
import { HostFilesError } from './host-files.ts';

const { O_DIRECTORY, O_NOFOLLOW } = constants;

/** Only a place to stand on: devices and pipes are not touched by it. Linux' number on every CPU that agents run on. */
const O_PATH = 0o10000000;

/** Linux' own bound on links in one path. */
const MAX_LINKS = 40;

export interface InsideOptions {
  /** Make the directories that are missing. */
  make: boolean;
}

/** A file or directory below a root, held open without the right to read. Whoever gets it closes it. */
export interface InsidePath {
  handle: fs.FileHandle;
  stats: Stats;
}

/** Rejects with ENOENT where something is missing, with HostFilesError where a link leads out. */
export async function openInside(root: string, path: string, options: InsideOptions): Promise<InsidePath> {
  const walk = await Walk.from(root);
  try {
    return await walk.follow(path, options);
  } finally {
    await walk.close();
  }
}

class Walk {
  /** Open directories from the root to where the walk is. */
  readonly #trail: fs.FileHandle[];
  /** Of the root, which directories that are made below it get too. */
  readonly #mode: number;
  #links = 0;

  private constructor(root: fs.FileHandle, mode: number) {
    this.#trail = [root];
    this.#mode = mode;
  }

  static async from(root: string): Promise<Walk> {
    const handle = await fs.open(root, O_PATH | O_DIRECTORY);
    return new Walk(handle, (await handle.stat()).mode & 0o7777);
  }

  async follow(path: string, { make }: InsideOptions): Promise<InsidePath> {
    const parts = split(path);
    let last: fs.FileHandle | undefined;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part === '..') {
        await this.#up(path);
        continue;
      }
      const link = await this.#readLink(part);
      if (link !== undefined) {
        this.#checkLink(path, link);
        parts.unshift(...split(link));
        continue;
      }
      const handle = await this.#open(part, make);
      const stats = await handle.stat();
      if (stats.isDirectory()) {
        this.#trail.push(handle);
      } else if (parts.length === 0 && !stats.isSymbolicLink()) {
        last = handle;
      } else {
        await handle.close();
        throw new HostFilesError(`${path} goes through ${part}, which is no directory`);
      }
    }
    const handle = last ?? this.#pop();
    return { handle, stats: await handle.stat() };
  }

  async close(): Promise<void> {
    for (const handle of this.#trail.splice(0)) await handle.close();
  }

  #pop(): fs.FileHandle {
    const handle = this.#trail.pop();
    if (handle === undefined) throw new HostFilesError('the walk has no place');
    return handle;
  }

  /** The kernel resolves this to the open directory itself, not to its name. */
  #child(part: string): string {
    return `/proc/self/fd/${this.#trail.at(-1)?.fd}/${part}`;
  }

  async #up(path: string): Promise<void> {
    if (this.#trail.length === 1) throw new HostFilesError(`${path} leads out of the volume`);
    await this.#pop().close();
  }

  #checkLink(path: string, link: string): void {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw new HostFilesError(`${path} has too many links`);
    if (link.startsWith('/')) throw new HostFilesError(`${path} leads out of the volume`);
  }

  async #readLink(part: string): Promise<string | undefined> {
    try {
      return await fs.readlink(this.#child(part));
    } catch (error) {
      if (isCode(error, 'EINVAL', 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #open(part: string, make: boolean): Promise<fs.FileHandle> {
    try {
      return await fs.open(this.#child(part), O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (!make || !isCode(error, 'ENOENT')) throw error;
      await fs.mkdir(this.#child(part)).catch((failure) => {
        if (!isCode(failure, 'EEXIST')) throw failure;
      });
      const made = await fs.open(this.#child(part), O_PATH | O_NOFOLLOW | O_DIRECTORY);
      // By what was opened, as its name may be somebody else's by now; mkdir's own mode goes through the umask.
      await fs.chmod(`/proc/self/fd/${made.fd}`, this.#mode);
      return made;
    }
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
