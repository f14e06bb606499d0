/** A child process of a bench: started, waited for until it says that it is ready, and ended by its own pid. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../shared/platform/clock.ts';

export interface ChildOptions {
  clock: Clock;
  command: string;
  args: readonly string[];
  /** Added to the bench's own environment. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** A line of stdout or stderr that says that it serves. Absent: ready when spawned. */
  ready?: RegExp;
  timeoutMs?: number;
}

export interface Child {
  pid: number;
  /** The match of `ready`. */
  readyMatch: RegExpExecArray | undefined;
  /** The last lines it printed, for error messages. */
  output(): string;
  exited: Promise<number | null>;
  /** SIGTERM, then SIGKILL after `STOP_TIMEOUT_MS`. Idempotent. */
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const OUTPUT_LIMIT_CHARS = 64_000;

export async function startChild(options: ChildOptions): Promise<Child> {
  const spawned = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(spawned);
  const exited = new Promise<number | null>((resolve, reject) => {
    spawned.once('exit', (code) => resolve(code));
    spawned.once('error', reject);
  });
  exited.catch(() => undefined);
  const stop = (): Promise<void> => stopChild(options.clock, spawned, exited);
  try {
    const readyMatch = options.ready && (await waitForLine(options, output, exited));
    if (spawned.pid === undefined) throw new Error(`${options.command} did not start`);
    return { pid: spawned.pid, readyMatch, output: () => output.text, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Output {
  text: string;
  onText: () => void;
}

function collectOutput(child: ChildProcessByStdio<null, Readable, Readable>): Output {
  const output: Output = { text: '', onText: () => undefined };
  const take = (chunk: string): void => {
    output.text = (output.text + chunk).slice(-OUTPUT_LIMIT_CHARS);
    output.onText();
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return output;
}

function waitForLine(options: ChildOptions, output: Output, exited: Promise<number | null>): Promise<RegExpExecArray> {
  const timeoutMs = options.timeoutMs ?? READY_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      timer.cancel();
      reject(new Error(`${options.command} ${why}; it said:\n${output.text}`));
    };
    const timer = options.clock.after(timeoutMs, () => fail(`was not ready within ${timeoutMs} ms`));
    exited.then(
      (code) => fail(`ended with code ${code}`),
      (error: unknown) => fail(`did not start: ${String(error)}`),
    );
    output.onText = () => {
      const match = options.ready?.exec(output.text);
      if (!match) return;
      timer.cancel();
      resolve(match);
    };
  });
}

async function stopChild(
  clock: Clock,
  child: ChildProcessByStdio<null, Readable, Readable>,
  exited: Promise<number | null>,
): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = clock.after(STOP_TIMEOUT_MS, () => child.kill('SIGKILL'));
  await exited.catch(() => undefined);
  timer.cancel();
}
