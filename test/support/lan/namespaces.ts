/**
 * A machine made of namespaces: network, mounts, host name, processes. Its first process lives as long as the test does: the
 * kernel ends it and everything in it when the pipe to the test closes. Programs are started in it by nsenter.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

const INIT = join(import.meta.dirname, 'namespace-init.sh');

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Namespaces {
  /** Of the first process, as seen from outside. */
  pid: number;
  /** Runs a program in the machine, to its end, however that is. */
  run(command: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<Output>;
  /** Its output; throws when it fails. */
  output(...command: string[]): Promise<string>;
  /** Starts a program and leaves it running. */
  spawn(command: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Every process of the machine dies at once, as when the plug is pulled. Idempotent. */
  kill(): Promise<void>;
}

export interface NamespaceOptions {
  /** Arguments of namespace-init.sh. */
  init: readonly string[];
  /** Files of cgroups that the machine's programs join. */
  cgroups: readonly string[];
}

const UNSHARE = ['--mount', '--uts', '--ipc', '--net', '--pid', '--fork', '--kill-child'];
const DEFAULT_TIMEOUT_MS = 30_000;

export async function createNamespaces({ init, cgroups }: NamespaceOptions): Promise<Namespaces> {
  const child = spawn('unshare', [...UNSHARE, 'bash', INIT, ...init], { stdio: ['pipe', 'pipe', 'pipe'] });
  await whenReady(child);
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  const pid = Number(children.trim());
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const enter = (command: readonly string[]): string[] => {
    const join = cgroups.map((path) => `echo 0 >${path} || :`).join('\n');
    return ['-c', `${join}\nexec nsenter -t ${pid} -m -u -n -p -i -- "$@"`, 'sh', ...command];
  };
  const start: Namespaces['spawn'] = (command, options = {}) => spawn('sh', enter(command), options);
  const runToEnd: Namespaces['run'] = (command, options = {}) =>
    collect(start(command, { stdio: 'pipe', timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS }), options.input);
  return {
    pid,
    run: runToEnd,
    async output(...command) {
      const { code, stdout, stderr } = await runToEnd(command);
      if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
      return stdout;
    },
    spawn: start,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function whenReady(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`a machine of the LAN did not start:\n${said}`)));
    const take = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.split('\n').includes('ready')) resolve();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
  });
}

function collect(child: ChildProcess, input = ''): Promise<Output> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, ...output }));
  });
}
