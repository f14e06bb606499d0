/** The userland of an emulated board, made of Debian's packages once and kept; and an image of a container for it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathExists, runProgram } from '../../../cli/setup/run-program.ts';
import { renderTar } from '../../../node-agent/container-runtime/tar.ts';
import { fetchDebianPackages, findMirror } from '../debian-packages.ts';
import { ROOT } from '../kubectl.ts';

const SCRIPT = join(import.meta.dirname, 'make-userland.sh');

/** Another recipe makes another userland. */
const RECIPE = createHash('sha256').update(readFileSync(SCRIPT)).digest('hex').slice(0, 8);
const KEPT = join(ROOT, `.cache/arm64-userland-${RECIPE}`);

/** What making and booting it takes. */
export const BOARD_REQUIREMENTS = [
  { program: 'debootstrap', debianPackage: 'debootstrap', why: 'makes the userland of boards' },
  { program: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm', why: 'emulates boards' },
];

export interface Userland {
  rootfs: string;
}

/** Takes some 15 minutes the first time, and nothing later. */
export async function ensureUserland(note: (text: string) => void): Promise<Userland> {
  if (!(await pathExists(KEPT))) {
    await mkdir(join(ROOT, '.cache'), { recursive: true });
    const args = ['-n', '10', SCRIPT, await findMirror(), KEPT];
    const { code, output } = await runProgram('nice', args, { env: process.env, onLine: note });
    if (code !== 0) throw new Error(`the userland cannot be made:\n${output.slice(-2000)}`);
  }
  return { rootfs: join(KEPT, 'rootfs.ext4') };
}

/** A container image of 64-bit ARM with nothing but busybox, as `docker save` writes them. Source: Docker image specification v1.2. */
export async function makeArmImage(path: string, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bramble-arm-image-'));
  try {
    const into = join(folder, 'busybox');
    await fetchDebianPackages({ suite: 'bookworm', arch: 'arm64', packages: ['busybox-static:arm64'], into });
    const busybox = await readFile(join(into, 'root/bin/busybox'));
    await writeFile(path, renderImage(name, renderTar([{ name: 'bin/busybox', mode: 0o755, bytes: busybox }])));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function renderImage(name: string, layer: Buffer): Buffer {
  const config = {
    architecture: 'arm64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/busybox', 'sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    history: [{ created: '2026-01-01T00:00:00Z' }],
  };
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  const file = (path: string, bytes: Uint8Array) => ({ name: path, mode: 0o644, bytes });
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  return renderTar([
    file('layer.tar', layer),
    file('config.json', json(config)),
    file('manifest.json', json(manifest)),
  ]);
}
