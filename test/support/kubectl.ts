/**
 * A stock kubectl for the tests, from Debian trixie's packages, whatever Debian this machine is: fetched by an apt with lists
 * of its own, unpacked into .cache/ beside the system, kept there. Nothing is installed. KUBECTL names another one.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, pathExists, runProgram } from '../../cli/setup/run-program.ts';

export const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, '.cache/kubectl');
const CACHED = join(CACHE, 'root/usr/bin/kubectl');
const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Path of the program; fetches it when it is not there yet. */
export async function ensureKubectl(): Promise<string> {
  const path = process.env['KUBECTL'] ?? CACHED;
  if (!(await pathExists(path))) await fetchKubectl();
  return path;
}

async function fetchKubectl(): Promise<void> {
  const work = `${CACHE}.${process.pid}`;
  try {
    await mkdir(join(work, 'lists/partial'), { recursive: true });
    await mkdir(join(work, 'cache/archives/partial'), { recursive: true });
    await writeFile(join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${await findMirror()} ${SUITE} main\n`);
    // An empty status: what is installed here must not decide which version is fetched.
    const options = [
      `-oDir::Etc::sourcelist=${work}/sources.list`,
      '-oDir::Etc::sourceparts=/dev/null',
      `-oDir::State::lists=${work}/lists`,
      '-oDir::State::status=/dev/null',
      `-oDir::Cache=${work}/cache`,
      '-oAcquire::Languages=none',
      '-q',
    ];
    await mustRun('apt-get', [...options, 'update'], work);
    await mustRun('apt-get', [...options, 'download', 'kubectl'], work);
    const file = (await readdir(work)).find((name) => name.endsWith('.deb'));
    await mustRun('dpkg', ['-x', join(work, file ?? ''), join(work, 'root')], work);
    await Promise.all(['lists', 'cache', file ?? ''].map((name) => rm(join(work, name), { recursive: true })));
    await rm(CACHE, { recursive: true, force: true });
    await rename(work, CACHE);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The server of Debian's packages that this machine already uses. */
async function findMirror(): Promise<string> {
  const format = '$(REPO_URI)|$(ORIGIN)|$(LABEL)';
  const { output } = await runProgram('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    env: process.env,
  });
  const lines = output.split('\n').map((line) => line.split('|'));
  const mirror = lines.find(([, origin, label]) => origin === 'Debian' && label === 'Debian')?.[0];
  if (mirror === undefined) throw new Error('apt knows no server of Debian packages; run apt-get update first');
  return mirror;
}

async function mustRun(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await runProgram(program, args, { env: process.env, cwd });
  if (code !== 0) throw new Error(`${program} ${args.at(-1)} failed:\n${lastLines(output, 8)}`);
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
