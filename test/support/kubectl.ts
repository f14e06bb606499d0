/**
 * A stock kubectl for the tests, from Debian trixie's packages, whatever Debian this machine is: fetched by an apt with lists
 * of its own, unpacked into .cache/ beside the system, kept there. Nothing is installed. KUBECTL names another one.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathExists } from '../../cli/setup/run-program.ts';
import { fetchDebianPackages } from './debian-packages.ts';

export const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, '.cache/kubectl');
const CACHED = join(CACHE, 'root/usr/bin/kubectl');

/** Path of the program; fetches it when it is not there yet. */
export async function ensureKubectl(): Promise<string> {
  const path = process.env['KUBECTL'] ?? CACHED;
  if (!(await pathExists(path))) await fetchKubectl();
  return path;
}

async function fetchKubectl(): Promise<void> {
  await fetchDebianPackages({ suite: 'trixie', packages: ['kubectl'], into: CACHE });
}

export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface KubectlOptions {
  stdin?: string;
  timeoutMs?: number;
}

export interface Kubectl {
  /** Runs to the end, however it ends. */
  run(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** Its output; throws when it fails. */
  output(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** For watches and exec: the caller ends it. */
  start(args: readonly string[]): KubectlSession;
  path: string;
  env: NodeJS.ProcessEnv;
}

export interface KubectlSession {
  /** All output so far, stdout and stderr. */
  text(): string;
  write(text: string): void;
  kill(): void;
  ended: Promise<number>;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** kubectl against one cluster, with caches of its own so that nothing of the user's is read or left. */
export async function createKubectl(kubeconfig: string, cacheDir: string): Promise<Kubectl> {
  const path = await ensureKubectl();
  const env = {
    PATH: process.env['PATH'],
    HOME: cacheDir,
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(cacheDir, 'kube'),
  };
  const run = (args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> =>
    collect(path, args, { env, ...options });
  return {
    path,
    env,
    run,
    async output(args, options) {
      const { code, stdout, stderr } = await run(args, options);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
      return stdout;
    },
    start: (args) => startSession(path, args, env),
  };
}

function collect(
  path: string,
  args: readonly string[],
  { env, stdin, timeoutMs }: KubectlOptions & { env: NodeJS.ProcessEnv },
): Promise<KubectlResult> {
  const child = spawn(path, args, { env, timeout: timeoutMs ?? DEFAULT_TIMEOUT_MS, killSignal: 'SIGKILL' });
  const result = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    result.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    result.stderr += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, ...result }));
  });
}

function startSession(path: string, args: readonly string[], env: NodeJS.ProcessEnv): KubectlSession {
  const child = spawn(path, args, { env, stdio: 'pipe' });
  let text = '';
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.on('error', () => undefined);
  return {
    text: () => text,
    write: (input) => {
      child.stdin.write(input);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
    ended: new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  };
}
