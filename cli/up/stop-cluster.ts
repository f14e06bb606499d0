/** Ends what belongs to a cluster of `up`, in the order that loses nothing: agents, master, containers, mounts. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { bundlePath, PROGRAM_ENV } from '../setup/bundles.ts';
import { createDocker, pingEngine, releaseEngine } from '../setup/docker-engine.ts';
import { stopProgram } from '../setup/processes.ts';
import { lastLines, pathExists, runProgram } from '../setup/run-program.ts';
import type { ClusterFolder, State } from './cluster-folder.ts';
import { agentNetworkArgs, releaseNetwork } from './cluster-network.ts';

/** Longer than an agent or a master needs to end in good order. */
const PROGRAM_GRACE_MS = 15_000;

/** What containers get to end by themselves. */
const CONTAINER_GRACE_SECONDS = 3;

/** Label that agents give to their containers, with the node's name. */
const NODE_LABEL = 'bramble.dev/node';

/** Labels of the images that are made on the spot: by agents, and for the example. */
const IMAGE_LABELS = ['bramble.dev/pause', 'bramble.dev/example'];

export interface StopOptions {
  /** Images that were made on this machine go too. */
  removeImages: boolean;
}

/** Processes and containers; the data stays. Idempotent. */
export async function stopCluster(
  context: Context,
  { folder, state }: { folder: ClusterFolder; state: State },
  options: StopOptions,
): Promise<void> {
  await Promise.all((await listPrograms(folder)).map((name) => stopOne(context, folder, name)));
  await stopOne(context, folder, 'master');
  if ((await pingEngine(state.socketPath)) === undefined) {
    const docker = createDocker(state.socketPath);
    await removeContainers(docker, state);
    if (options.removeImages) await removeImages(docker);
  }
  await removeNetworks(context, { folder, state });
  await releaseNetwork(folder, state);
  await unmountBelow(context, folder.path);
  await releaseEngine(context, { name: folder.path });
}

/** Networks, rules and routes of the agents: each removes its own, the last one what they shared. */
async function removeNetworks(
  context: Context,
  { folder, state }: { folder: ClusterFolder; state: State },
): Promise<void> {
  const bundle = bundlePath(context, 'agent');
  if (state.network === undefined || !(await pathExists(bundle))) return;
  for (const name of state.nodes) {
    const own = ['--data-dir', folder.nodeFolder(name), '--name', name, '--docker', state.socketPath];
    const args = [bundle, '--uninstall', ...own, ...agentNetworkArgs(state)];
    const { code, output } = await runProgram(process.execPath, args, { env: { ...context.env, ...PROGRAM_ENV } });
    if (code !== 0) throw new Failure(EXIT.failed, `the network of ${name} cannot be removed: ${lastLines(output, 1)}`);
  }
}

/** Those that another cluster uses stay: Docker refuses to remove them. */
async function removeImages(docker: Docker): Promise<void> {
  for (const label of IMAGE_LABELS) {
    for (const { Id } of await docker.listImages({ filters: { label: [label] } })) {
      await docker
        .getImage(Id)
        .remove()
        .catch(() => undefined);
    }
  }
}

/** Agents by what has a pid file: also one that a crash has left out of the state. */
async function listPrograms(folder: ClusterFolder): Promise<string[]> {
  const names = await readdir(join(folder.path, 'up')).catch(() => []);
  return names
    .filter((name) => name.endsWith('.pid'))
    .map((name) => name.slice(0, -'.pid'.length))
    .filter((name) => name !== 'master' && name !== 'up');
}

function stopOne(context: Context, folder: ClusterFolder, program: string): Promise<void> {
  return stopProgram(context.clock, { pidFile: folder.pidFile(program), graceMs: PROGRAM_GRACE_MS });
}

async function removeContainers(docker: Docker, state: State): Promise<void> {
  const lists = await Promise.all(
    state.nodes.map((node) => docker.listContainers({ all: true, filters: { label: [`${NODE_LABEL}=${node}`] } })),
  );
  await Promise.all(lists.flat().map(({ Id }) => removeContainer(docker.getContainer(Id))));
}

async function removeContainer(container: Docker.Container): Promise<void> {
  // Stopped already, or removed by somebody else meanwhile: what counts is that it is gone in the end.
  await container.stop({ t: CONTAINER_GRACE_SECONDS }).catch(() => undefined);
  await container.remove({ force: true, v: true }).catch(() => undefined);
}

/** A mount that stays would let the removal of the folder reach what is mounted there. */
export async function unmountBelow(context: Context, path: string): Promise<void> {
  const points = parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
  // The innermost first.
  for (const point of points.filter((each) => each.startsWith(`${path}/`)).reverse()) {
    const { code, output } = await runProgram('umount', [point], { env: context.env });
    if (code !== 0) throw new Failure(EXIT.failed, `${point} cannot be unmounted: ${lastLines(output, 1)}`);
  }
}

/** Source: proc(5), /proc/pid/mountinfo: the fifth field, with blanks as \040. */
export function parseMountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point !== '')
    .map((point) =>
      point.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}
