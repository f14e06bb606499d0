/**
 * A snapshot of all that a master keeps: the store, and what the broker keeps for the house, as one file. Invariant: `path` is
 * whole, or does not change.
 */
import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { addParts } from './snapshots/snapshot-parts.ts';
import { toStoreError } from './store/sqlite-errors.ts';

/** Names in the data directory; the second one is a part's name too. */
export const STORE_FILE = 'store.db';
export const MQTT_FILE = 'mqtt.db';

export interface SnapshotSources {
  /** Heartbeats are no changes on disk, and no reason to copy everything again. */
  store: { snapshot(path: string): Promise<void>; stats(): { diskChanges: number } };
  /** Of the broker: there once it is made. */
  kept(): { copyTo(path: string): Promise<boolean>; readonly changes: number } | undefined;
}

export function createWholeSnapshot({ store, kept }: SnapshotSources) {
  return {
    revision: () => `${store.stats().diskChanges}/${kept()?.changes ?? 0}`,
    async snapshot(path: string): Promise<void> {
      const [partial, house] = [`${path}.partial`, `${path}.mqtt.partial`];
      try {
        await store.snapshot(partial);
        const isThere = (await kept()?.copyTo(house)) ?? false;
        await addParts(partial, isThere ? [{ name: MQTT_FILE, file: house }] : []);
        renameSync(partial, path);
        syncFolder(dirname(path));
      } catch (error) {
        throw toStoreError(error, `the snapshot ${path}`);
      } finally {
        await rm(partial, { force: true });
        await rm(house, { force: true });
      }
    },
  };
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
