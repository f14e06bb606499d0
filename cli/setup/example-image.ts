/**
 * The image of the example: a public one where a registry can be reached; otherwise one made on the spot of Debian's static
 * busybox, which is a whole userland in one file.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { findProgram, lastLines, runProgram } from './run-program.ts';

/** What the manifests in examples/ name. */
export const PUBLIC_IMAGE = 'busybox:1.36';
export const LOCAL_IMAGE = 'bramble.dev/example:1';

const PULL_TIMEOUT_MS = 60_000;

/** The name to use. */
export async function ensureExampleImage(
  context: Context,
  docker: Docker,
  note: (text: string) => void,
): Promise<string> {
  for (const name of [PUBLIC_IMAGE, LOCAL_IMAGE]) {
    if (await isPresent(docker, name)) return name;
  }
  note(`pulling ${PUBLIC_IMAGE}`);
  if (await tryPull(context, docker, PUBLIC_IMAGE)) return PUBLIC_IMAGE;
  note('no registry can be reached; making an image of busybox-static');
  await makeImage(context, docker);
  return LOCAL_IMAGE;
}

function isPresent(docker: Docker, name: string): Promise<boolean> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** Any failure counts as "no registry": the other way works without one. */
async function tryPull(context: Context, docker: Docker, name: string): Promise<boolean> {
  const controller = new AbortController();
  const timer = context.clock.after(PULL_TIMEOUT_MS, () => controller.abort());
  try {
    const stream = await docker.pull(name, { abortSignal: controller.signal });
    await buffer(Readable.from(stream));
    return await isPresent(docker, name);
  } catch {
    return false;
  } finally {
    timer.cancel();
  }
}

async function makeImage(context: Context, docker: Docker): Promise<void> {
  const archive = renderRootFilesystem(await readStaticBusybox(context));
  const [repo, tag] = LOCAL_IMAGE.split(':');
  const changes = ['ENV PATH=/bin:/sbin', 'CMD ["sh"]', 'LABEL bramble.dev/example=true'];
  const stream = await docker.importImage(Readable.from([archive]), { repo, tag, changes });
  await buffer(Readable.from(stream));
  if (!(await isPresent(docker, LOCAL_IMAGE)))
    throw new Failure(EXIT.unavailable, `Docker did not take ${LOCAL_IMAGE}`);
}

/** The machine's own when it is static; otherwise the one of the package, unpacked beside the system. */
export async function readStaticBusybox(context: Context): Promise<Buffer> {
  const own = await findProgram('busybox', context.env);
  if (own !== undefined) {
    const program = await readFile(own);
    if (isStatic(program)) return program;
  }
  const folder = await mkdtemp(join(tmpdir(), 'bramble-busybox-'));
  try {
    return await fetchBusybox(context, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchBusybox(context: Context, folder: string): Promise<Buffer> {
  const options = { env: context.env, cwd: folder, signal: context.signal };
  const download = ['-q', 'download', 'busybox-static'];
  let result = await runProgram('apt-get', download, options);
  if (result.code !== 0) {
    await runProgram('apt-get', ['-q', 'update'], options);
    result = await runProgram('apt-get', download, options);
  }
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (result.code !== 0 || file === undefined) {
    throw new Failure(
      EXIT.unavailable,
      `neither an image registry nor the package busybox-static can be reached: ${lastLines(result.output, 1)}`,
      'connect this machine, or use --no-example',
    );
  }
  await runProgram('dpkg', ['-x', file, 'root'], options);
  for (const path of ['bin/busybox', 'usr/bin/busybox']) {
    const program = await readFile(join(folder, 'root', path)).catch(() => undefined);
    if (program !== undefined) return program;
  }
  throw new Failure(EXIT.unavailable, 'the package busybox-static has no busybox');
}

/** No PT_INTERP segment. Source: elf(5), Elf64_Ehdr and Elf64_Phdr. */
function isStatic(program: Buffer): boolean {
  const isElf64 = program.subarray(0, 5).equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2]));
  if (!isElf64) return false;
  const offset = Number(program.readBigUInt64LE(32));
  const size = program.readUInt16LE(54);
  const count = program.readUInt16LE(56);
  const types = Array.from({ length: count }, (_, index) => program.readUInt32LE(offset + index * size));
  const PT_INTERP = 3;
  return !types.includes(PT_INTERP);
}

/** Commands that the examples use; busybox knows which one it is by its name. */
const COMMANDS = [
  ...['[', 'ash', 'awk', 'basename', 'cat', 'chmod', 'cp', 'cut', 'date', 'dd', 'df', 'dirname', 'du', 'echo', 'env'],
  ...['expr', 'false', 'find', 'free', 'grep', 'head', 'hostname', 'httpd', 'id', 'ip', 'kill', 'less', 'ln', 'ls'],
  ...['mkdir', 'mount', 'mv', 'nc', 'nproc', 'nslookup', 'ping', 'printf', 'ps', 'pwd', 'rm', 'sed', 'seq', 'sh'],
  ...['sleep', 'sort', 'stat', 'stty', 'tail', 'tar', 'tee', 'test', 'time', 'top', 'touch', 'tr', 'true', 'tty'],
  ...['umount', 'uname', 'uniq', 'uptime', 'vi', 'watch', 'wc', 'wget', 'whoami', 'xargs', 'yes'],
];

function renderRootFilesystem(busybox: Buffer): Buffer {
  return Buffer.concat([
    ...['bin/', 'etc/', 'proc/', 'root/', 'sys/', 'dev/'].map((name) => renderEntry({ name, type: '5', mode: 0o755 })),
    renderEntry({ name: 'tmp/', type: '5', mode: 0o1777 }),
    renderEntry({ name: 'bin/busybox', type: '0', mode: 0o755, content: busybox }),
    ...COMMANDS.map((name) => renderEntry({ name: `bin/${name}`, type: '2', mode: 0o777, link: 'busybox' })),
    renderEntry({
      name: 'etc/passwd',
      type: '0',
      mode: 0o644,
      content: Buffer.from('root:x:0:0:root:/root:/bin/sh\n'),
    }),
    renderEntry({ name: 'etc/group', type: '0', mode: 0o644, content: Buffer.from('root:x:0:\n') }),
    Buffer.alloc(2 * BLOCK_BYTES),
  ]);
}

const BLOCK_BYTES = 512;

interface TarEntry {
  name: string;
  /** ustar's typeflag: file, symbolic link, folder. */
  type: '0' | '2' | '5';
  mode: number;
  content?: Buffer;
  link?: string;
}

/** One entry of a ustar archive. Source: POSIX.1-2017, pax, "ustar Interchange Format". */
function renderEntry({ name, type, mode, content = Buffer.alloc(0), link = '' }: TarEntry): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write('ustar\u000000', 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${octal(checksum, 7)} `, 148);
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([header, content, padding]);
}
