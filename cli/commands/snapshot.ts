/** `bramble snapshot save|list|restore`: copies of everything that a master knows; taken while it runs, put back while it does not. */
import { constants } from 'node:fs';
import { access, copyFile, type FileHandle, open, readdir, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { itemsOf, member, textOf } from '../api/select-objects.ts';
import { withSession } from '../api/session.ts';
import { checkStoreFile, HEADER_BYTES } from '../api/store-file.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, messageOf } from '../failure.ts';
import type { ClusterOptions } from '../options.ts';
import { renderColumns } from '../print/columns.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';
import { openClusterFolder } from '../up/cluster-folder.ts';

const SNAPSHOTS = '/apis/bramble.dev/v1/snapshots';

export interface SaveOptions extends ClusterOptions {
  file?: string;
}

export async function saveSnapshot(context: Context, { file, ...options }: SaveOptions): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    const taken = await api.object({ method: 'POST', path: SNAPSHOTS, body: {} });
    const name = textOf(member(taken, 'metadata')['name']);
    const object = `snapshot/${name}`;
    writeResult(context, options, { object, result: 'taken' }, `snapshot ${name} taken, ${sizeOf(taken)}`);
    if (file === undefined) return;
    await writeWhole(resolve(file), await api.bytes({ path: `${SNAPSHOTS}/${name}/content` }));
    writeResult(context, options, { object, result: 'written', file }, `written to ${file}`);
  });
}

export async function listSnapshots(context: Context, options: ClusterOptions & { json?: boolean }): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    const list = await api.object({ path: SNAPSHOTS });
    if (options.json) {
      context.stdout.write(`${JSON.stringify(list)}\n`);
      return;
    }
    const rows = itemsOf(list).map((one) => {
      const { name, creationTimestamp } = member(one, 'metadata');
      return [textOf(name), textOf(creationTimestamp), sizeOf(one)];
    });
    if (rows.length === 0) context.stdout.write('no snapshots yet: bramble snapshot save\n');
    else context.stdout.write(renderColumns([['NAME', 'TAKEN', 'SIZE'], ...rows]));
  });
}

function sizeOf(snapshot: JsonObject): string {
  const kilobytes = Math.ceil(Number(snapshot['bytes'] ?? 0) / 1024);
  return kilobytes < 10_000 ? `${kilobytes} KB` : `${Math.round(kilobytes / 1024)} MB`;
}

/** Under another name until it is whole. */
async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${path}.partial`;
  let file: FileHandle | undefined;
  try {
    file = await open(partial, 'w', 0o600);
    for await (const chunk of chunks) await file.write(chunk);
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file?.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw new Failure(EXIT.cannotWrite, `${path} cannot be written: ${messageOf(error)}`);
  }
}

export interface RestoreOptions extends ResultOptions {
  file: string;
  dataDir?: string;
}

/** What a database that was opened may have beside it. */
const COMPANIONS = ['-wal', '-shm', '-journal'];

/** Lays the copy ready; the master puts it in place when it starts, so that no power cut leaves half of it. */
export async function restoreSnapshot(context: Context, { file, dataDir, json }: RestoreOptions): Promise<void> {
  const folder = openClusterFolder(context, dataDir).path;
  const [source, store] = [resolve(file), join(folder, 'store.db')];
  await checkSource(source);
  await access(folder, constants.W_OK).catch((error) => {
    throw new Failure(
      EXIT.cannotWrite,
      `${folder} cannot be written: ${messageOf(error)}`,
      'name the data folder with --data-dir',
    );
  });
  const user = await findUser(store);
  if (user !== undefined) {
    throw new Failure(
      EXIT.failed,
      `the store of ${folder} is in use by process ${user}`,
      'end the master first: bramble down --keep-data, or systemctl stop bramble-master',
    );
  }
  await layReady(source, `${store}.restore`);
  const text = `${file} is ready in ${folder}: the master takes it over when it starts
its boards go on from there; what was there will be ${store}.before-restore`;
  writeResult(context, { json }, { object: store, result: 'ready', file }, text);
}

async function layReady(source: string, ready: string): Promise<void> {
  const partial = `${ready}.partial`;
  try {
    await copyFile(source, partial);
    await finish(partial);
    // One that waits already is not wanted any more; a start that was cut may have left its log.
    for (const suffix of ['', ...COMPANIONS]) await rm(`${ready}${suffix}`, { force: true });
    await rename(partial, ready);
    await syncFolder(dirname(ready));
  } catch (error) {
    await rm(partial, { force: true });
    throw new Failure(EXIT.cannotWrite, `${ready} cannot be written: ${messageOf(error)}`);
  }
}

async function checkSource(path: string): Promise<void> {
  const file = await open(path).catch((error) => {
    throw new Failure(EXIT.input, `${path} cannot be read: ${messageOf(error)}`);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    checkStoreFile(path, buffer.subarray(0, bytesRead), (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/** On disk, for its owner only. */
async function finish(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.chmod(0o600);
  await file.sync();
  await file.close();
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync();
  await folder.close();
}

/** Id of a process that has the file open, as far as this user may see; undefined: none. Source: proc(5), /proc/pid/fd. */
async function findUser(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => path);
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const id of processes) {
    const folder = `/proc/${id}/fd`;
    const descriptors = await readdir(folder).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(join(folder, descriptor)).catch(() => '');
      if (target === real) return id;
    }
  }
  return undefined;
}
