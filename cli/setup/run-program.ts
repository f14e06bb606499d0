/** Adapter to other programs on this machine: runs one to its end with its output kept, and finds programs. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface RunOptions {
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  signal?: AbortSignal;
  /** Each line of output as it comes. */
  onLine?(line: string): void;
}

export interface RunResult {
  /** -1: ended by a signal, or it could not be started. */
  code: number;
  /** stdout and stderr as they came, the last OUTPUT_LIMIT_CHARS of them. */
  output: string;
}

const OUTPUT_LIMIT_CHARS = 100_000;

/** Where Debian keeps administrators' programs; a plain user's PATH lacks them. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function searchPath(env: Readonly<Record<string, string | undefined>>): string {
  return env['PATH'] === undefined ? SYSTEM_PATH : `${env['PATH']}${delimiter}${SYSTEM_PATH}`;
}

export async function findProgram(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  for (const folder of searchPath(env).split(delimiter)) {
    const path = join(folder, name);
    if (await access(path, constants.X_OK).then(returnTrue, returnFalse)) return path;
  }
  return undefined;
}

const returnTrue = (): boolean => true;
const returnFalse = (): boolean => false;

export function pathExists(path: string): Promise<boolean> {
  return access(path).then(returnTrue, returnFalse);
}

/** Resolves however the program ended; a program that cannot be started counts as ended with -1. */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { cwd, signal, onLine } = options;
  const env = { ...options.env, PATH: searchPath(options.env ?? {}) };
  const child = spawn(program, args, { env, cwd, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let line = '';
  const take = (chunk: Buffer): void => {
    const text = chunk.toString();
    output = (output + text).slice(-OUTPUT_LIMIT_CHARS);
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    if (onLine) for (const each of lines) onLine(each);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: -1, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/** The last `count` lines that hold anything. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-count).join('\n');
}
