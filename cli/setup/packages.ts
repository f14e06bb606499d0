/** Debian packages that a cluster on this machine needs: names what is missing and installs it where that is possible. */
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Progress } from '../progress.ts';
import { findProgram, lastLines, pathExists, runProgram } from './run-program.ts';

export interface Requirement {
  /** The program that must be there, and the package that brings it. */
  program: string;
  debianPackage: string;
  why: string;
}

export const REQUIREMENTS = {
  docker: { program: 'dockerd', debianPackage: 'docker.io', why: 'runs the containers' },
  nftables: { program: 'nft', debianPackage: 'nftables', why: 'forwards the traffic of services' },
  conntrack: { program: 'conntrack', debianPackage: 'conntrack', why: 'ends UDP flows to pods that have gone' },
  iproute: { program: 'ip', debianPackage: 'iproute2', why: 'leads packets to the pods of other boards' },
} as const satisfies Record<string, Requirement>;

/** Of the network of pods. */
export const NETWORK_REQUIREMENTS: readonly Requirement[] = [
  REQUIREMENTS.nftables,
  REQUIREMENTS.iproute,
  REQUIREMENTS.conntrack,
];

/** Where nothing mounts cgroups (no systemd), the container engine cannot start without this. */
const CGROUP_MOUNTS: Requirement = {
  program: 'cgroupfs-mount',
  debianPackage: 'cgroupfs-mount',
  why: 'mounts the cgroups that limit containers',
};

/** apt waits this long for another apt that holds the lock. */
const APT_LOCK_TIMEOUT_SECONDS = 300;

/** Installs what is missing; throws a Failure that names the packages where it may not. */
export async function ensurePackages(
  context: Context,
  progress: Progress,
  requirements: readonly Requirement[],
): Promise<void> {
  const missing = await findMissing(context, requirements);
  if (missing.length === 0) return;
  const names = missing.map((each) => each.debianPackage);
  await refuseWhereImpossible(context, missing);
  await progress.step(`Installing ${names.join(', ')}`, (note) => installPackages(context, names, note));
  const still = await findMissing(context, missing);
  if (still.length > 0)
    throw new Failure(EXIT.unavailable, `${renderMissing(still)} still missing after apt-get install`);
}

/** Mounts the cgroups on a machine whose init does not. */
export async function ensureCgroups(context: Context, progress: Progress): Promise<void> {
  if ((await pathExists('/sys/fs/cgroup/cgroup.controllers')) || (await pathExists('/sys/fs/cgroup/memory'))) return;
  await ensurePackages(context, progress, [CGROUP_MOUNTS]);
  const { code, output } = await runProgram('cgroupfs-mount', [], { env: context.env });
  if (code !== 0) throw new Failure(EXIT.unavailable, `the cgroups cannot be mounted: ${lastLines(output, 1)}`);
}

export async function findMissing(
  context: Context,
  requirements: readonly Requirement[],
): Promise<readonly Requirement[]> {
  const found = await Promise.all(requirements.map(({ program }) => findProgram(program, context.env)));
  return requirements.filter((_, index) => found[index] === undefined);
}

async function refuseWhereImpossible(context: Context, missing: readonly Requirement[]): Promise<void> {
  const names = missing.map((each) => each.debianPackage).join(' ');
  if ((await findProgram('apt-get', context.env)) === undefined) {
    throw new Failure(
      EXIT.unavailable,
      `${renderMissing(missing)} missing, and this is not a Debian machine`,
      `install what Debian has in the packages ${names} with this machine's own tools, then try again`,
    );
  }
  if (!context.isRoot) {
    throw new Failure(
      EXIT.unavailable,
      `${renderMissing(missing)} missing`,
      `install with: sudo apt-get install ${names}`,
    );
  }
}

function renderMissing(missing: readonly Requirement[]): string {
  const parts = missing.map(({ program, why }) => `${program} (${why})`);
  return `${parts.join(' and ')} ${parts.length === 1 ? 'is' : 'are'}`;
}

/** Refreshes apt's lists only when a package is unknown, or when installing from the present lists failed. */
async function installPackages(
  context: Context,
  names: readonly string[],
  note: (text: string) => void,
): Promise<void> {
  const known = await Promise.all(names.map((name) => hasCandidate(context, name)));
  if (known.includes(false)) await updateLists(context, note);
  let result = await aptInstall(context, names, note);
  if (result.code !== 0) {
    await updateLists(context, note);
    result = await aptInstall(context, names, note);
  }
  if (result.code === 0) return;
  throw new Failure(
    EXIT.unavailable,
    `apt-get install ${names.join(' ')} failed:\n${lastLines(result.output, 4)}`,
    'see whether the package server can be reached, or install the packages by hand',
  );
}

async function hasCandidate(context: Context, name: string): Promise<boolean> {
  const { output } = await runProgram('apt-cache', ['madison', name], { env: { ...context.env, LC_ALL: 'C' } });
  return output.split('\n').some((line) => line.trimStart().startsWith(`${name} |`));
}

async function updateLists(context: Context, note: (text: string) => void): Promise<void> {
  note('apt-get update');
  // One source out of order must not matter when another one has the package: the install that follows decides.
  await runProgram('apt-get', ['-q', 'update'], { env: context.env, signal: context.signal });
}

function aptInstall(
  context: Context,
  names: readonly string[],
  note: (text: string) => void,
): ReturnType<typeof runProgram> {
  const options = ['-q', '-y', '--no-install-recommends', `-oDPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_SECONDS}`];
  return runProgram('apt-get', [...options, 'install', ...names], {
    env: { ...context.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' },
    signal: context.signal,
    onLine: (line) => {
      if (/^(Get|Unpacking|Setting up)/.test(line)) note(line.replace(/ \.\.\.$/, ''));
    },
  });
}
