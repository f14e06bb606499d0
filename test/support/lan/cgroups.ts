/** Cgroups of the machines of a test LAN, both versions: where their programs are put, what they cost, and removal. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** What a machine's programs are put into, where each controller is a hierarchy of its own (version 1). */
const CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'pids'];

const isUnified = existsSync(join(ROOT, 'cgroup.controllers'));

const hierarchies = (): string[] =>
  isUnified ? [ROOT] : CONTROLLERS.map((name) => join(ROOT, name)).filter((path) => existsSync(path));

export interface MachineCgroup {
  /** `cgroup.procs` files that the machine's programs join. */
  files: readonly string[];
  /** For dockerd's --cgroup-parent. */
  containers: string;
  /** CPU time used so far by programs and containers, soft interrupts on their behalf included. */
  cpuSeconds(): number;
  remove(): void;
}

/** `lan` names the LAN on this computer, `machine` the machine in it. */
export function createCgroup(lan: string, machine: string): MachineCgroup {
  const own = `${lan}/${machine}`;
  const folders = hierarchies().map((path) => join(path, own));
  for (const folder of folders) mkdirSync(join(folder, 'sys'), { recursive: true });
  return {
    files: folders.map((folder) => join(folder, 'sys/cgroup.procs')),
    containers: `/${own}/ctr`,
    cpuSeconds: () => readCpuSeconds(own),
    remove: () => {
      for (const folder of folders) removeTree(folder);
    },
  };
}

/** false: something in it is still dying. */
export function removeLanCgroup(lan: string): boolean {
  // Docker makes its containers' groups in every hierarchy.
  const roots = isUnified ? [ROOT] : readdirSync(ROOT).map((name) => join(ROOT, name));
  for (const root of roots) removeTree(join(root, lan));
  return roots.every((root) => !existsSync(join(root, lan)));
}

function readCpuSeconds(own: string): number {
  if (!isUnified) return Number(readFileSync(join(ROOT, 'cpuacct', own, 'cpuacct.usage'), 'utf8')) / 1e9;
  const stat = readFileSync(join(ROOT, own, 'cpu.stat'), 'utf8');
  return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? Number.NaN) / 1e6;
}

/** Groups are removed from the inside out; one that still holds a dying process stays until the next attempt. */
function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  try {
    rmdirSync(folder);
  } catch {
    // Removed by the next call.
  }
}
