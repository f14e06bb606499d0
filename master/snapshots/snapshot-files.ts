/** Snapshots in a folder (adapter: files). They hold Secrets as the store does: nobody but their owner reads them. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotFiles } from './snapshot-keeper.ts';

export function createSnapshotFiles(folder: string): SnapshotFiles {
  return {
    async list() {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return Promise.all(names.map(async (name) => ({ name, bytes: await sizeOf(join(folder, name)) })));
    },
    async prepare(name) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return join(folder, name);
    },
    async read(name) {
      const path = join(folder, name);
      // Opened here, so that one that retention removes meanwhile is still read to its end.
      const file = await open(path).catch(() => undefined);
      return file && createReadStream(path, { fd: file });
    },
    remove: (name) => rm(join(folder, name), { force: true }),
  };
}

/** 0: it is gone meanwhile. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
