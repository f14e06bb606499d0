/**
 * The bramble command against one cluster, with a record of what was seen of each command: its help, its success, and a failure
 * that is a sentence with a documented exit code. What the record lacks at the end was not tested.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { addCommands } from '../../../cli/commands.ts';
import { type RunResult, runProgram } from '../../../cli/setup/run-program.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { createTestContext, startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type KubectlSession, ROOT } from '../../support/kubectl.ts';
import { startTerminal } from '../../support/terminal.ts';

export const BRAMBLE = join(ROOT, 'cli/bramble');
export const PATIENCE = '--timeout=120s';

export type Outcome = 'help' | 'success' | 'failure';

/** They have no other end than Ctrl-C: that is their success. */
const UNTIL_INTERRUPTED = ['port-forward'];
const INTERRUPTED = 130;

export interface RunOptions {
  /** File that it reads. */
  stdin?: string;
  env?: NodeJS.ProcessEnv;
}

export class CommandWorld {
  readonly program = createProgram();
  readonly #seen = new Map<string, Set<Outcome>>();
  #cluster: TestCluster | undefined;
  #folder: string | undefined;

  async start(nodes: number): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bramble-commands-'));
    this.#cluster = await startTestCluster({ nodes });
  }

  async stop(): Promise<void> {
    await this.#cluster?.stop();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  get cluster(): TestCluster {
    return defined(this.#cluster, 'the cluster');
  }

  /** For files of tests; removed at the end. */
  get folder(): string {
    return defined(this.#folder, 'the folder');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Nothing of the user's profiles is read or left. */
  environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const own = { BRAMBLE_KUBECONFIG: this.cluster.folder.kubeconfig, XDG_CONFIG_HOME: this.path('config') };
    return { ...process.env, ...own, ...more };
  }

  /** Runs to the end, however it ends. */
  readonly run = (...args: string[]): Promise<RunResult> => this.runWith({}, ...args);

  async runWith({ stdin, env = {} }: RunOptions, ...args: string[]): Promise<RunResult> {
    const words = stdin === undefined ? [BRAMBLE, ...args] : ['sh', '-c', 'exec "$0" "$@" <"$INPUT"', BRAMBLE, ...args];
    const [program = '', ...rest] = words;
    const result = await runProgram(program, rest, { env: this.environment({ ...env, INPUT: stdin }) });
    this.note(args, result);
    return result;
  }

  /** What it printed; fails the test when the command fails. */
  readonly bramble = async (...args: string[]): Promise<string> => {
    const { code, output } = await this.run(...args);
    assert.equal(code, 0, `bramble ${args.join(' ')} ended with ${code}:\n${output}`);
    return output;
  };

  readonly refuses = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
    const ended = await this.run(...args);
    assert.match(ended.output, message);
    assert.equal(ended.code, code, ended.output);
  };

  /** On a terminal; the caller ends it. */
  terminal(...args: string[]): KubectlSession {
    const session = startTerminal(BRAMBLE, args, this.environment());
    const ended = session.ended.then((code) => {
      this.note(args, { code, output: session.text() });
      return code;
    });
    return { ...session, ended };
  }

  note(args: readonly string[], { code, output }: RunResult): void {
    const outcome = judge(commandOf(this.program, args), args, { code, output });
    if (outcome === undefined) return;
    const path = commandOf(this.program, args);
    this.#seen.set(path, (this.#seen.get(path) ?? new Set()).add(outcome));
  }

  hasSeen(path: string, outcome: Outcome): boolean {
    return this.#seen.get(path)?.has(outcome) === true;
  }
}

function judge(path: string, args: readonly string[], { code, output }: RunResult): Outcome | undefined {
  if (args.includes('--help')) return code === 0 && output.includes(`Usage: bramble ${path}`) ? 'help' : undefined;
  if (code === 0 || (code === INTERRUPTED && UNTIL_INTERRUPTED.includes(path))) return 'success';
  return /^(bramble|error)\b.*:/m.test(output) ? 'failure' : undefined;
}

function createProgram(): Command {
  const program = new Command('bramble').enablePositionalOptions();
  addCommands(program, createTestContext());
  return program;
}

/** `rollout status` of `rollout status deploy/web`. */
export function commandOf(program: Command, args: readonly string[]): string {
  let command = program;
  const path: string[] = [];
  for (const word of args) {
    const inner = command.commands.find((each) => each.name() === word);
    if (inner === undefined) break;
    path.push(word);
    command = inner;
  }
  return path.join(' ');
}

export interface KnownCommand {
  /** `rollout status`. */
  path: string;
  command: Command;
  /** Has commands of its own and does nothing itself. */
  isGroup: boolean;
}

/** All commands that there are, those inside others too. */
export function listCommands(command: Command, prefix = ''): KnownCommand[] {
  return command.commands.flatMap((each) => {
    const path = `${prefix}${each.name()}`;
    return [{ path, command: each, isGroup: each.commands.length > 0 }, ...listCommands(each, `${path} `)];
  });
}

/** At most three at a time: each is a process. */
export async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const next = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all([next(), next(), next()]);
}
