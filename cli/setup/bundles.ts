/** The bundles of master and agent in dist/: made when a source is newer, used as they are where there are no sources. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { EXIT, Failure, systemErrorCode } from '../failure.ts';
import { lastLines, pathExists, runProgram } from './run-program.ts';

export type Program = 'master' | 'agent';

/**
 * How the programs are run everywhere, on boards too. The young generation may not grow to 16 MB and more for nothing. An
 * agent mostly waits: without the optimising compilers it needs 4 MB less, and less CPU too, as nothing it does pays their
 * work back; baseline code costs both more than it gives, and both collect after bursts. Measured with `npm run bench -- memory`.
 * It trusts the CA of its cluster and nobody else, so that it does without Node's list of all public ones (see AGENT_ENV too):
 * Node parses that list, 2 MB of it, for whoever names a CA of his own.
 */
export const PROGRAM_FLAGS: Record<Program, readonly string[]> = {
  master: ['--max-semi-space-size=2', '--no-sparkplug', '--expose-gc'],
  agent: [
    ...['--max-semi-space-size=1', '--optimize-for-size', '--no-opt', '--no-maglev', '--no-sparkplug', '--expose-gc'],
    '--use-openssl-ca',
  ],
};

/** glibc keeps an arena a thread and gives nothing back of what a start has used, unless told so. */
export const PROGRAM_ENV = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' } as const;

/**
 * Buffers of connections come and go: among what stays they would keep an agent's heap as large as its largest burst, as
 * pages of their own they go back at once, and nothing is asked for in advance. A master's traffic would pay for that. No
 * list of CAs that somebody set for others: Node and OpenSSL would load all of it.
 */
const AGENT_ENV = {
  ...PROGRAM_ENV,
  MALLOC_MMAP_THRESHOLD_: '16384',
  MALLOC_TOP_PAD_: '0',
  NODE_EXTRA_CA_CERTS: '',
  SSL_CERT_FILE: '',
} as const;

export function programEnv(program: Program): Readonly<Record<string, string>> {
  return program === 'agent' ? AGENT_ENV : PROGRAM_ENV;
}

const SOURCES: Record<Program, readonly string[]> = {
  master: ['shared', 'master', 'package-lock.json', 'cli/build-bundles.ts'],
  agent: ['shared', 'node-agent', 'package-lock.json', 'cli/build-bundles.ts'],
};

export function bundlePath(context: Context, program: Program): string {
  return join(context.root, 'dist', `${program}.cjs`);
}

export async function ensureBundles(context: Context, programs: readonly Program[]): Promise<void> {
  const stale: Program[] = [];
  for (const program of programs) if (!(await isFresh(context, program))) stale.push(program);
  if (stale.length === 0) return;
  const { code, output } = await runProgram(process.execPath, [join(context.root, 'cli/build-bundles.ts'), ...stale], {
    env: context.env,
    signal: context.signal,
  });
  if (code !== 0) throw new Failure(EXIT.failed, `dist/ cannot be built:\n${lastLines(output, 15)}`);
}

async function isFresh(context: Context, program: Program): Promise<boolean> {
  const built = await modifiedAtMs(bundlePath(context, program));
  if (built === undefined) return false;
  // An installation without sources has what it has.
  if (!(await pathExists(join(context.root, 'cli/build-bundles.ts')))) return true;
  for (const source of SOURCES[program]) if ((await newestMs(join(context.root, source))) > built) return false;
  return true;
}

/** Folders count too: deleting a file changes its folder only. */
async function newestMs(path: string): Promise<number> {
  const own = (await modifiedAtMs(path)) ?? 0;
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOTDIR' || systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const below = await Promise.all(entries.map((entry) => newestMs(join(path, entry.name))));
  return Math.max(own, ...below);
}

async function modifiedAtMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    (entry) => entry.mtimeMs,
    () => undefined,
  );
}
