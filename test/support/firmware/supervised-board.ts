/**
 * A board as a folder on this machine: an installation with versions, and what systemd does for its agent (`update.sh start`
 * before each start, again when it ends, the timer of a trial). Everything that it runs is one group of processes, so that
 * its power can be cut.
 */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../kubectl.ts';
import { waitFor } from '../wait.ts';
import { run } from './pi-image.ts';

const FILES = {
  'bin/bramble': 'firmware-scripts/bundle/bramble',
  'update.sh': 'firmware-scripts/update/update.sh',
  'dist/agent.cjs': 'dist/agent.cjs',
  'dist/systeminformation.cjs': 'dist/systeminformation.cjs',
  'dist/cli.cjs': 'dist/cli.cjs',
  'systemd/bramble-agent.service': 'firmware-scripts/systemd/bramble-agent.service',
  'package.json': 'package.json',
};

/** Stands for systemd: starts the agent again and again; and its two programs that update.sh calls. */
const SUPERVISOR = `
rm -f "$BOARD/trial-timer"
while :; do
  "$BOARD/opt/bramble/update.sh" start || true
  "$BOARD/opt/bramble/current/bin/bramble" agent "$@" 2>>"$BOARD/agent.log" &
  echo $! >"$BOARD/agent.pid"
  wait $! || true
  sleep 0.2
done
`;
const SYSTEMCTL = `
case "$*" in
  *' restart bramble-agent.service') kill "$(cat "$BOARD/agent.pid")" ;;
  'stop bramble-trial.timer') rm -f "$BOARD/trial-timer" ;;
esac
`;
const SYSTEMD_RUN = `
for word in "$@"; do case $word in --on-active=*) seconds=\${word#*=} ;; esac; done
shift $(($# - 2))
[ ! -e "$BOARD/trial-timer" ] || exit 1
echo $$ >"$BOARD/trial-timer"
(sleep "$seconds"; [ "$(cat "$BOARD/trial-timer")" != $$ ] || { rm "$BOARD/trial-timer"; "$@"; }) 9>&- </dev/null >/dev/null 2>&1 &
`;

export interface VersionOptions {
  version: string;
  /** Program in place of the agent, to see what becomes of a version that does not work. */
  agent?: string;
}

/** A bundle of this repository's programs with this machine's own Node: small, and otherwise like those for boards. */
export async function makeSmallBundle(folder: string, options: VersionOptions): Promise<string> {
  const name = `bramble-${options.version}`;
  await writeVersion(join(folder, name), options);
  const archive = join(folder, `${name}.tar.gz`);
  await run('tar', ['-czf', archive, '-C', folder, name]);
  return archive;
}

async function writeVersion(tree: string, { version, agent }: VersionOptions): Promise<void> {
  for (const [path, from] of Object.entries(FILES)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await copyFile(join(ROOT, from), join(tree, path));
  }
  if (agent !== undefined) await writeFile(join(tree, 'dist/agent.cjs'), agent);
  await writeFile(join(tree, 'VERSION'), `${version}\n`);
  await writeScript(join(tree, 'bin/node'), `exec '${process.execPath}' "$@"`);
  await chmod(join(tree, 'bin/bramble'), 0o755);
  const names = [...Object.keys(FILES), 'VERSION', 'bin/node'].join(' ');
  await run('sh', ['-c', `cd '${tree}' && sha256sum ${names} >SHA256SUMS`]);
}

async function writeScript(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

export class SupervisedBoard {
  readonly name: string;
  readonly #folder: string;
  readonly #flags: readonly string[];
  readonly #trialSeconds: number;
  #group: number | undefined;

  private constructor(name: string, folder: string, flags: readonly string[], trialSeconds: number) {
    this.name = name;
    this.#folder = folder;
    this.#flags = flags;
    this.#trialSeconds = trialSeconds;
  }

  static async make(options: {
    name: string;
    version: string;
    flags: readonly string[];
    trialSeconds: number;
  }): Promise<SupervisedBoard> {
    const { name, version, flags, trialSeconds } = options;
    const folder = await mkdtemp(join(tmpdir(), 'bramble-supervised-'));
    const root = join(folder, 'opt/bramble');
    await writeVersion(join(root, 'versions', version), { version });
    await symlink(join('versions', version), join(root, 'current'));
    await copyFile(join(ROOT, 'firmware-scripts/update/update.sh'), join(root, 'update.sh'));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'units'));
    await writeScript(join(folder, 'bin/systemctl'), SYSTEMCTL);
    await writeScript(join(folder, 'bin/systemd-run'), SYSTEMD_RUN);
    return new SupervisedBoard(
      name,
      folder,
      [...flags, '--name', name, '--data-dir', join(folder, 'data')],
      trialSeconds,
    );
  }

  start(): void {
    const env = {
      PATH: `${join(this.#folder, 'bin')}:${process.env['PATH']}`,
      BOARD: this.#folder,
      BRAMBLE_UNITS: join(this.#folder, 'units'),
      BRAMBLE_TRIAL_SECONDS: String(this.#trialSeconds),
    };
    const args = ['-c', SUPERVISOR, 'supervisor', ...this.#flags];
    this.#group = spawn('bash', args, { env, detached: true, stdio: 'ignore' }).pid;
  }

  /** Everything on the board ends at this moment. Idempotent. */
  async cutPower(): Promise<void> {
    const group = this.#group;
    this.#group = undefined;
    if (group === undefined) return;
    process.kill(-group, 'SIGKILL');
    await waitFor(`the end of ${this.name}`, () => !isAlive(group));
  }

  /** Folder of the version that runs. */
  current(): Promise<string> {
    return readlink(join(this.#folder, 'opt/bramble/current'));
  }

  log(): Promise<string> {
    return readFile(join(this.#folder, 'agent.log'), 'utf8').catch(() => '');
  }

  /** A file of the agent's data folder; empty where there is none. */
  readData(path: string): Promise<string> {
    return readFile(join(this.#folder, 'data', path), 'utf8').catch(() => '');
  }

  writeData(path: string, text: string): Promise<void> {
    return writeFile(join(this.#folder, 'data', path), text);
  }

  async remove(): Promise<void> {
    await this.cutPower();
    // An agent leaves its pods' memory mounted, for the next agent.
    await run('umount', [join(this.#folder, 'data/pods-memory')]).catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Any process of the group. */
function isAlive(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}
