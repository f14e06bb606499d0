/** One card, from an image or as it is, to a board's card: writes the image, recognises its seed, writes the board's files. */
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { hashFile } from '../hash-file.ts';
import { BOARD_FILES, type BootFile, type SeedContext } from './boot-file.ts';
import { BootPartition } from './boot-partition.ts';
import { FlashError } from './flash-error.ts';
import { openImage } from './image-source.ts';
import {
  findBootPartition,
  type Partition,
  PartitionTableError,
  parsePartitionTable,
  SECTOR_BYTES,
} from './partition-table.ts';
import type { RunProgram } from './programs.ts';
import { renderCard } from './render-card.ts';
import { recogniseSeedFormat, type SeedFinding } from './seed-format.ts';
import type { BoardSettings } from './settings.ts';
import { BLOCK_BYTES, writeImage } from './write-image.ts';

export interface CardJob {
  /** Undefined: the card has its system already and only gets a board's files. */
  image: { path: string; sha256: string | undefined } | undefined;
  target: { path: string; isDevice: boolean; roomBytes: number | undefined };
  settings: BoardSettings;
  bundle: string | undefined;
  /** Archives of container images that the board shall have from the start. */
  preload: readonly string[];
  scripts: SeedContext['scripts'];
  instanceId: string;
  flashedAtMs: number;
}

export interface CardReport {
  finding: SeedFinding;
  files: readonly BootFile[];
}

export interface CardTools {
  run: RunProgram;
  /** Shows a step of long work while it lasts. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  warn(text: string): void;
  signal: AbortSignal;
}

/** Settings files that a seed edits or must know of. */
const PRESENT_FILES = ['cmdline.txt', 'issue.txt', 'dietpi.txt', 'dietpi-wifi.txt'];

export async function flashCard(job: CardJob, tools: CardTools): Promise<CardReport> {
  const { target, image } = job;
  if (image !== undefined) await writeCheckedImage(target, image, tools);
  const partition = await openBootPartition(target.path, tools.run);
  const report = await planCard(job, partition);
  await tools.step('Writing the settings of the board', async (note) => {
    await writeBundle(job, partition, note);
    await writePreloads(job, partition, note);
    await partition.remove(BOARD_FILES.status);
    for (const { path, content } of report.files) {
      note(path);
      await partition.write(path, Buffer.from(content));
    }
  });
  await flush(target.path);
  return report;
}

/** What flashCard would write, found out without touching the target: from the image's start, or from the card. */
export async function planFlash(job: CardJob, tools: CardTools): Promise<CardReport> {
  if (job.image === undefined) return planCard(job, await openBootPartition(job.target.path, tools.run));
  const folder = await mkdtemp(join(tmpdir(), 'bramble-flash-'));
  try {
    const start = join(folder, 'start.img');
    const path = job.image.path;
    await tools.step('Looking into the image', () => extractStart(tools.run, path, start));
    return await planCard(job, await openBootPartition(start, tools.run));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function planCard(job: CardJob, partition: BootPartition): Promise<CardReport> {
  const names = await partition.list();
  const finding = recogniseSeedFormat({ names, label: await partition.label() });
  if (finding === undefined) {
    throw new FlashError(
      'input',
      'this system is not one that takes settings from its boot partition',
      'known are Raspberry Pi OS (Bookworm, Trixie), Ubuntu Server for Raspberry Pi and DietPi, 64-bit',
    );
  }
  const present: Record<string, string> = {};
  for (const name of names.filter((each) => PRESENT_FILES.includes(each.toLowerCase()))) {
    present[name.toLowerCase()] = (await partition.read(name)).toString();
  }
  const { instanceId, flashedAtMs, scripts } = job;
  return { finding, files: renderCard(finding.format, job.settings, { instanceId, flashedAtMs, scripts, present }) };
}

async function writeCheckedImage(
  target: CardJob['target'],
  image: NonNullable<CardJob['image']>,
  { run, step, warn, signal }: CardTools,
): Promise<void> {
  const source = await openImage(run, image.path, image.sha256);
  await step('Writing the image', (note) =>
    writeImage({
      ...{ bytes: source.bytes, target: target.path, isDevice: target.isDevice, roomBytes: target.roomBytes, signal },
      confirm: () => source.checked,
      onWritten: () => note(`${tenths(source.readBytes(), source.packedBytes)} written`),
      onVerified: (bytes, total) => note(`${tenths(bytes, total)} read back`),
    }),
  );
  if ((await source.checked) === 'no checksum') {
    warn('the image was not compared with a published checksum: name it with --sha256, or put FILE.sha256 beside it');
  }
}

async function openBootPartition(target: string, run: RunProgram): Promise<BootPartition> {
  const { offsetBytes } = await readBootPartition(target);
  return new BootPartition({ run, target, offsetBytes });
}

async function readBootPartition(target: string): Promise<Partition> {
  const file = await open(target, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SECTOR_BYTES), 0, SECTOR_BYTES, 0);
    return findBootPartition(parsePartitionTable(buffer.subarray(0, bytesRead)));
  } catch (error) {
    if (error instanceof PartitionTableError) throw new FlashError('input', `${target}: ${error.message}`);
    throw error;
  } finally {
    await file.close();
  }
}

/** Copies an image up to the end of its boot partition, however it is packed. */
async function extractStart(run: RunProgram, path: string, destination: string): Promise<void> {
  const { bytes } = await openImage(run, path, undefined);
  const file = await open(destination, 'w');
  let position = 0;
  let end = Number.POSITIVE_INFINITY;
  try {
    for await (const chunk of bytes) {
      const block = Buffer.from(chunk);
      await file.write(block, 0, block.length, position);
      position += block.length;
      if (end === Number.POSITIVE_INFINITY && position >= BLOCK_BYTES) end = await endOfBootPartition(destination);
      if (position >= end) break;
    }
  } finally {
    bytes.destroy();
    await file.close();
  }
}

async function endOfBootPartition(path: string): Promise<number> {
  const { offsetBytes, sizeBytes } = await readBootPartition(path);
  return offsetBytes + sizeBytes;
}

/** Before everything else: it may not fit. */
async function writeBundle({ bundle }: CardJob, partition: BootPartition, note: (text: string) => void): Promise<void> {
  if (bundle === undefined) return;
  const { size } = await stat(bundle);
  note(`bundle, ${megabytes(size)}`);
  const hash = await writeLarge(partition, BOARD_FILES.bundle, bundle);
  await partition.write(BOARD_FILES.bundleHash, Buffer.from(`${hash}  bundle.tar.gz\n`));
}

/** Numbered: FAT does not know every name that a file may have here. */
async function writePreloads(
  { preload }: CardJob,
  partition: BootPartition,
  note: (text: string) => void,
): Promise<void> {
  for (const [index, path] of preload.entries()) {
    note(`image ${basename(path)}, ${megabytes((await stat(path)).size)}`);
    await writeLarge(partition, `${BOARD_FILES.images}/${index + 1}.tar`, path);
  }
}

/** Resolves with the file's SHA-256. Read back through a file, as it is too large to compare in memory. */
async function writeLarge(partition: BootPartition, path: string, source: string): Promise<string> {
  await partition.writeFrom(path, source);
  const hash = await hashFile(source);
  const folder = await mkdtemp(join(tmpdir(), 'bramble-flash-'));
  try {
    const copy = join(folder, 'copy');
    await partition.readTo(path, copy);
    if ((await hashFile(copy)) !== hash)
      throw new FlashError('write', `${path} reads back differently`, 'try another card');
    return hash;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything is on the card before a person is told so. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** In steps of ten percent: a line each where there is no terminal. */
function tenths(part: number, whole: number): string {
  return `${10 * Math.floor((10 * part) / Math.max(1, whole))} %`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`;
}
