/** The system libraries of 64-bit ARM from Debian's packages, for programs that run with them under qemu-user. */
import { join } from 'node:path';
import { pathExists } from '../../../cli/setup/run-program.ts';
import { fetchDebianPackages } from '../debian-packages.ts';
import { ROOT } from '../kubectl.ts';

/** What Node needs of a system. */
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];

const KEPT = join(ROOT, '.cache/arm64-libraries');

export const QEMU = 'qemu-aarch64-static';

/** Loaded down once and kept. Resolves with the folder for `qemu -L`. Bookworm's, as the oldest system that boards have. */
export async function ensureArm64Libraries(): Promise<string> {
  const root = join(KEPT, 'root');
  if (!(await pathExists(root))) {
    await fetchDebianPackages({
      suite: 'bookworm',
      arch: 'arm64',
      packages: PACKAGES.map((name) => `${name}:arm64`),
      into: KEPT,
    });
  }
  return root;
}
