/** The machine's own programs (adapter: processes). Bounded in time and output; nothing of the agent's environment is handed on. */
import { spawn } from 'node:child_process';
import type { Clock } from '../shared/platform/clock.ts';
import type { Shell, ShellResult } from '../shared/platform/shell.ts';

/** Where Debian keeps administrators' programs; what started the agent may not look there. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A ruleset of thousands of services on a busy SD card takes some seconds. */
const TIMEOUT_MS = 30_000;

const MAX_OUTPUT_CHARS = 4 * 1024 * 1024;

export function createNodeShell(clock: Clock): Shell {
  return { run: (program, args, input = '') => run(clock, [program, ...args], input) };
}

function run(clock: Clock, [program = '', ...args]: readonly string[], input: string): Promise<ShellResult> {
  const child = spawn(program, args, { env: { PATH, LC_ALL: 'C' }, stdio: 'pipe' });
  const timer = clock.after(TIMEOUT_MS, () => child.kill('SIGKILL'));
  const result = { code: -1, stdout: '', stderr: '' };
  const collect = (stream: 'stdout' | 'stderr') => (chunk: string) => {
    if (result[stream].length < MAX_OUTPUT_CHARS) result[stream] += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', collect('stdout'));
  child.stderr.setEncoding('utf8').on('data', collect('stderr'));
  // A program that does not read its input to the end is no reason to fail: its exit code says what was wrong.
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      timer.cancel();
      resolve({ ...result, stderr: error.message });
    });
    child.once('close', (code) => {
      timer.cancel();
      resolve({ ...result, code: code ?? -1 });
    });
  });
}
