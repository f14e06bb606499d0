/** Makes images with the layout of Raspberry Pi OS (MBR, FAT `bootfs` at 8 MiB, ext4 `rootfs`) without a mount or a loop device. */
import { execFile } from 'node:child_process';
import { mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;

export async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await runFile(program, [...args], {
    env: { PATH, LC_ALL: 'C', MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' },
    maxBuffer: 8 * 1024 * 1024,
  });
  return stdout;
}

export const BOOT_OFFSET_BYTES = 8 * 1024 * 1024;

export interface PiImageOptions {
  label?: string;
  /** Of the boot partition; images have 512 MiB. */
  bootMebibytes?: number;
  files: Readonly<Record<string, string>>;
  /** File with the root's file system; default: a small empty one. */
  root?: string;
}

const MEBIBYTE = 1024 * 1024;
const SECTOR_BYTES = 512;

/** Where the root's file system starts in an image. */
export function rootOffsetBytes(bootMebibytes = 512): number {
  return BOOT_OFFSET_BYTES + bootMebibytes * MEBIBYTE;
}

/** Source: pi-gen's export of images. */
export async function makePiImage(
  path: string,
  { label = 'bootfs', bootMebibytes = 512, files, root }: PiImageOptions,
): Promise<void> {
  const bootSectors = bootMebibytes * 2048;
  const rootStart = rootOffsetBytes(bootMebibytes) / SECTOR_BYTES;
  const rootSectors = root === undefined ? 32_768 : Math.ceil((await stat(root)).size / SECTOR_BYTES);
  await rm(path, { force: true });
  await writeFile(path, '');
  await truncate(path, (rootStart + rootSectors) * SECTOR_BYTES);
  const table = join(`${path}.parts`);
  await mkdir(table, { recursive: true });
  const script = join(table, 'sfdisk');
  const lines = ['label: dos', 'label-id: 0x4e639091', 'unit: sectors', `start=16384, size=${bootSectors}, type=c`];
  await writeFile(script, `${[...lines, `start=${rootStart}, size=${rootSectors}, type=83`].join('\n')}\n`);
  await run('sh', ['-c', `sfdisk --quiet '${path}' <'${script}'`]);
  const fat = ['-F', '32', '-s', '1', '-n', label, '--offset', '16384', path, String(bootMebibytes * 1024)];
  await run('mkfs.vfat', fat);
  if (root === undefined) await makeRoot(path, rootStart, rootSectors);
  else await copyRoot(path, root, bootMebibytes);
  for (const [name, text] of Object.entries(files)) {
    const file = join(table, name);
    await writeFile(file, text);
    await run('mcopy', ['-i', `${path}@@${BOOT_OFFSET_BYTES}`, file, `::/${name}`]);
  }
  await rm(table, { recursive: true });
}

async function makeRoot(path: string, start: number, sectors: number): Promise<void> {
  const offset = `offset=${start * SECTOR_BYTES}`;
  const ext4 = ['-q', '-F', '-t', 'ext4', '-L', 'rootfs', '-E', offset, '-O', '^64bit,^huge_file'];
  await run('mke2fs', [...ext4, path, `${sectors / 2}k`]);
}

async function copyRoot(path: string, root: string, bootMebibytes: number): Promise<void> {
  const seek = rootOffsetBytes(bootMebibytes) / MEBIBYTE;
  await run('dd', [`if=${root}`, `of=${path}`, 'bs=1M', `seek=${seek}`, 'conv=notrunc,sparse', 'status=none']);
}

export function readBootFile(image: string, path: string): Promise<string> {
  return run('mtype', ['-i', `${image}@@${BOOT_OFFSET_BYTES}`, `::/${path}`]);
}

/** All files of the boot partition, with their folders. */
export async function listBootFiles(image: string): Promise<string[]> {
  const output = await run('mdir', ['-/', '-b', '-i', `${image}@@${BOOT_OFFSET_BYTES}`, '::']);
  return output
    .split('\n')
    .map((line) => line.trim().replace(/^::\//, ''))
    .filter((path) => path !== '' && !path.endsWith('/'))
    .sort();
}
