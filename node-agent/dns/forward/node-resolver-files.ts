/**
 * The board's resolv.conf on its disk (adapter: files). Folders are watched, not files: a file is usually replaced by another
 * of its name, or is a link to one in a folder that comes and goes.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { ResolverFilesSource } from './resolver-files.ts';

const MAIN = '/etc/resolv.conf';
const SYSTEMD = '/run/systemd/resolve/resolv.conf';

const MAX_CHARS = 64 * 1024;

/** `root`: stands before each path, for tests. */
export function createNodeResolverFiles(root = ''): ResolverFilesSource {
  const paths = [`${root}${MAIN}`, `${root}${SYSTEMD}`];
  return {
    async read() {
      const [main = '', systemd = ''] = await Promise.all(paths.map(readText));
      return { main, systemd };
    },
    watch(onChange) {
      const watchers = new Map<string, FSWatcher>();
      let isOver = false;
      const look = async (): Promise<void> => {
        const targets = await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
        if (isOver) return;
        for (const path of [...paths, ...targets]) watchFolder(watchers, path, onFile);
      };
      const onFile = (): void => {
        void look();
        onChange();
      };
      void look();
      return {
        stop() {
          isOver = true;
          for (const watcher of watchers.values()) watcher.close();
        },
      };
    },
  };
}

/** A folder that is not there, or goes, is watched again when something else has changed. */
function watchFolder(watchers: Map<string, FSWatcher>, path: string, onFile: () => void): void {
  if (watchers.has(path)) return;
  const forget = (): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(path)) onFile();
    });
    watcher.on('error', forget);
    watchers.set(path, watcher);
  } catch {
    forget();
  }
}

async function readText(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.slice(0, MAX_CHARS);
}
