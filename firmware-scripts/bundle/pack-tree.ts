/** A folder as an archive that depends on what is in it and on nothing else: not on when, where and by whom it was made. */
import { rename } from 'node:fs/promises';
import { run } from './run.ts';

/** Times of files in archives: all the same, so that they say nothing about when the bundle was made. */
export const EPOCH = '2026-01-01T00:00:00Z';

/** Order, owners and times are fixed, and gzip writes no name. */
export async function packTree(folder: string, name: string, archive: string): Promise<void> {
  const partial = `${archive}.partial`;
  const tar = [
    '--sort=name',
    `--mtime=${EPOCH}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u+rw,go=rX',
    '--format=gnu',
  ];
  await run('tar', [...tar, '--use-compress-program=gzip -n -6', '-cf', partial, '-C', folder, name]);
  await rename(partial, archive);
}
