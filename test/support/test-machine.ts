/** What tests of the real thing need of a machine: an engine, a stock kubectl, and programs of Debian's packages. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../cli/context.ts';
import type { Progress } from '../../cli/progress.ts';
import { defaultSocket, ensureEngine, type releaseEngine } from '../../cli/setup/docker-engine.ts';
import { readStaticBusybox } from '../../cli/setup/example-image.ts';
import { ensurePackages, NETWORK_REQUIREMENTS } from '../../cli/setup/packages.ts';
import { ensureKubectl, ROOT } from './kubectl.ts';

/** Idempotent; `user` has to release the engine in the end. */
export async function prepareMachine(
  context: Context,
  progress: Progress,
  user: Parameters<typeof releaseEngine>[1],
): Promise<void> {
  await ensureEngine(context, progress, { socketPath: defaultSocket(context.env), user });
  await ensurePackages(context, progress, [...NETWORK_REQUIREMENTS, ...LAN, ...FLASHING, ...BROWSER, ...MQTT]);
  await progress.step('Fetching kubectl', () => ensureKubectl());
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  await writeFile(BUSYBOX, await readStaticBusybox(context), { mode: 0o755 });
}

/** What the images of tests are made of. */
const BUSYBOX = join(ROOT, '.cache/busybox');

/** What boards of a test LAN use, as real ones do. */
const LAN = [
  { program: 'arping', debianPackage: 'iputils-arping', why: 'tells a LAN of addresses that move' },
  { program: 'curl', debianPackage: 'curl', why: 'asks as a stranger on a LAN does' },
];

/** What looks at the status page. */
const BROWSER = [{ program: 'chromium', debianPackage: 'chromium', why: 'opens the status page' }];

/** What `bramble flash` uses, and what makes images for its tests. */
const FLASHING = [
  { program: 'mcopy', debianPackage: 'mtools', why: 'writes boot partitions' },
  { program: 'mkfs.vfat', debianPackage: 'dosfstools', why: 'makes boot partitions for tests' },
  { program: 'sfdisk', debianPackage: 'fdisk', why: 'makes partition tables for tests' },
  { program: 'mke2fs', debianPackage: 'e2fsprogs', why: 'makes root file systems for tests' },
  { program: 'xz', debianPackage: 'xz-utils', why: 'unpacks images' },
  { program: 'unzip', debianPackage: 'unzip', why: 'unpacks images' },
  { program: 'zip', debianPackage: 'zip', why: 'packs images for tests' },
  { program: 'qemu-aarch64-static', debianPackage: 'qemu-user-static', why: 'runs programs for boards' },
  { program: 'shellcheck', debianPackage: 'shellcheck', why: 'checks the scripts of boards' },
];

/** Stock clients of the MQTT contract, and a broker to be a bridge's peer. */
const MQTT = [
  { program: 'mosquitto_pub', debianPackage: 'mosquitto-clients', why: 'speaks MQTT with the master' },
  { program: 'mosquitto', debianPackage: 'mosquitto', why: 'is the other broker of a bridge, and the peer of a bench' },
];

/** The environment in which tests find the engine and the busybox. */
export function testEnvironment(env: Context['env']): Record<string, string | undefined> {
  return {
    ...env,
    BRAMBLE_TEST_DOCKER: defaultSocket(env),
    BRAMBLE_TEST_BUSYBOX: BUSYBOX,
    NODE_COMPILE_CACHE: '.cache/node',
  };
}
