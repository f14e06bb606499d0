/** `bramble doctor`: looks at this machine and says what keeps a cluster from working, and what to do about it. */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { type Finding, renderFinding } from '../print/finding.ts';
import { createDocker, defaultSocket, pingEngine } from '../setup/docker-engine.ts';
import { findMissing, NETWORK_REQUIREMENTS } from '../setup/packages.ts';
import { readRunning } from '../setup/processes.ts';
import { pathExists } from '../setup/run-program.ts';
import { openClusterFolder } from '../up/cluster-folder.ts';
import { tryListen } from '../up/ports.ts';
import type { BoardFindings } from './doctor-boards.ts';

export interface DoctorOptions {
  dataDir?: string;
  apiPort?: number;
  mqttPort?: number;
  mqttPlainPort?: number | 'off';
  statusPort?: number;
  listen?: string;
  docker?: string;
  json?: boolean;
  kubeconfig?: string;
  profile?: string;
  /** Only this machine. */
  boards?: boolean;
}

/** Before this the clock was never set: no release of this program is older. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

const LOW_DISK_BYTES = 512 * 1024 * 1024;

export async function doctor(context: Context, options: DoctorOptions): Promise<void> {
  const findings: Finding[] = [
    checkNode(),
    checkClock(context),
    await checkDocker(context, options),
    await checkPackages(context),
    await checkMemoryCgroup(),
    await checkFolder(context, options),
    ...(await checkPorts(context, options)),
  ];
  const boards = options.boards === false ? [] : await lookAtBoards(context, options, findings);
  if (options.json) context.stdout.write(`${JSON.stringify({ findings, boards })}\n`);
  else {
    for (const finding of findings) context.stdout.write(renderFinding(finding));
    for (const { board, findings: own } of boards)
      context.stdout.write(`\nnode/${board}\n${own.map(renderFinding).join('')}`);
  }
  const all = [...findings, ...boards.flatMap((one) => one.findings)];
  const problems = all.filter(({ result }) => result === 'problem').length;
  if (problems > 0) throw new Failure(EXIT.failed, problems === 1 ? 'one problem found' : `${problems} problems found`);
}

/** Nothing where there is no cluster yet: then this machine is what is asked about. A master that was named must answer. */
async function lookAtBoards(context: Context, options: DoctorOptions, findings: Finding[]): Promise<BoardFindings[]> {
  try {
    const { examineBoards } = await import('./doctor-boards.ts');
    return await examineBoards(context, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { message, hint } = error;
    if (isNamed(context, options)) {
      findings.push({ name: 'Master', result: 'problem', message, ...(hint === undefined ? {} : { hint }) });
    }
    return [];
  }
}

function isNamed({ env }: Context, { kubeconfig, profile }: DoctorOptions): boolean {
  return Boolean(kubeconfig ?? profile ?? (env['BRAMBLE_KUBECONFIG'] || env['BRAMBLE_PROFILE']));
}

function checkNode(): Finding {
  const { node } = process.versions;
  const fine = Number.parseInt(node, 10) >= 24;
  return fine
    ? { name: 'Node', result: 'fine', message: `${node} for ${process.arch}` }
    : {
        name: 'Node',
        result: 'problem',
        message: `${node} is too old`,
        hint: 'start with cli/bramble, which brings 24',
      };
}

function checkClock(context: Context): Finding {
  const nowMs = context.clock.nowMs();
  const time = new Date(nowMs).toISOString();
  if (nowMs >= EARLIEST_MS) return { name: 'Clock', result: 'fine', message: time };
  return {
    name: 'Clock',
    result: 'problem',
    message: `${time} cannot be right`,
    hint: 'set it: date -s, or timedatectl',
  };
}

async function checkDocker(context: Context, options: DoctorOptions): Promise<Finding> {
  const socketPath = options.docker ?? defaultSocket(context.env);
  const problem = await pingEngine(socketPath);
  if (problem === undefined) {
    const { Version } = await createDocker(socketPath).version();
    return { name: 'Docker', result: 'fine', message: `${Version} at ${socketPath}` };
  }
  if (problem === 'EACCES') {
    const hint = 'sudo usermod -aG docker "$USER", then log in again';
    return { name: 'Docker', result: 'problem', message: `this user may not use ${socketPath}`, hint };
  }
  if (context.isRoot) {
    const hint = 'bramble up starts it';
    return { name: 'Docker', result: 'warning', message: `does not answer at ${socketPath}`, hint };
  }
  const hint = 'sudo systemctl start docker, or sudo apt-get install docker.io';
  return { name: 'Docker', result: 'problem', message: `does not answer at ${socketPath}`, hint };
}

async function checkPackages(context: Context): Promise<Finding> {
  const missing = await findMissing(context, NETWORK_REQUIREMENTS);
  if (missing.length === 0) return { name: 'Packages', result: 'fine', message: 'all there' };
  const names = missing.map(({ debianPackage }) => debianPackage).join(' ');
  const hint = `sudo apt-get install ${names}`;
  return { name: 'Packages', result: 'warning', message: `${names} missing`, hint };
}

/** Without it limits on memory are not enforced: Raspberry Pi OS boots like that. */
async function checkMemoryCgroup(): Promise<Finding> {
  const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => '');
  const on = controllers.split(/\s+/).includes('memory') || (await pathExists('/sys/fs/cgroup/memory'));
  if (on) return { name: 'Memory limits', result: 'fine', message: 'enforced by cgroups' };
  const hint = 'add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt, then reboot';
  return { name: 'Memory limits', result: 'warning', message: 'the memory cgroup is off', hint };
}

async function checkFolder(context: Context, options: DoctorOptions): Promise<Finding> {
  const { path } = openClusterFolder(context, options.dataDir);
  const existing = await nearestExisting(path);
  const writable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  );
  const hint = 'name another one with --data-dir or BRAMBLE_DATA_DIR';
  if (!writable) return { name: 'Data folder', result: 'problem', message: `${path} cannot be written`, hint };
  const free = await freeBytes(existing);
  if (free < LOW_DISK_BYTES) {
    const message = `only ${Math.round(free / 1024 / 1024)} MB are free at ${path}`;
    return {
      name: 'Data folder',
      result: 'warning',
      message,
      hint: 'make room: docker system prune removes old images',
    };
  }
  return { name: 'Data folder', result: 'fine', message: path };
}

async function nearestExisting(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  return exists || dirname(path) === path ? path : nearestExisting(dirname(path));
}

async function freeBytes(path: string): Promise<number> {
  const { statfs } = await import('node:fs/promises');
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function checkPorts(context: Context, options: DoctorOptions): Promise<Finding[]> {
  const folder = openClusterFolder(context, options.dataDir);
  if ((await readRunning(folder.pidFile('master'))) !== undefined) {
    return [{ name: 'Ports', result: 'fine', message: 'used by the master that runs' }];
  }
  const ports = {
    'api-port': options.apiPort ?? 6443,
    'mqtt-port': options.mqttPort ?? 8883,
    ...(typeof options.mqttPlainPort === 'number' ? { 'mqtt-plain-port': options.mqttPlainPort } : {}),
    'status-port': options.statusPort ?? 8080,
  };
  const findings = Object.entries(ports).map(async ([flag, port]): Promise<Finding> => {
    const problem = await tryListen(options.listen ?? '127.0.0.1', port);
    if (problem === undefined) return { name: `Port ${port}`, result: 'fine', message: 'free' };
    return { name: `Port ${port}`, result: 'problem', message: 'in use', hint: `choose another one with --${flag}` };
  });
  return Promise.all(findings);
}
