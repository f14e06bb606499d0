/**
 * npm test: sets up what the tests need on a bare machine, runs type check, linter and every suite, and closes with the
 * counts. `npm test -- unit e2e` runs only those. Whatever it started is ended again, whatever happens.
 */
import { spawn } from 'node:child_process';
import { glob, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../cli/failure.ts';
import { createProcessContext } from '../../cli/process-context.ts';
import { createProgress } from '../../cli/progress.ts';
import { releaseEngine } from '../../cli/setup/docker-engine.ts';
import { currentProcess } from '../../cli/setup/processes.ts';
import { runProgram } from '../../cli/setup/run-program.ts';
import { ROOT } from './kubectl.ts';
import { prepareMachine, testEnvironment } from './test-machine.ts';

interface Suite {
  name: string;
  files: string;
  /** Real Docker, kubectl and bundles must be there. */
  real?: boolean;
  /** Files that run side by side; default: one. */
  concurrency?: number;
  /** Files without hooks of their own share one process, which spares the start of a process for each. */
  together?: boolean;
  timeoutMs: number;
}

/** In the order in which their results are wanted; those of one lane run one after the other, the lanes side by side. */
const LANES: readonly (readonly Suite[])[] = [
  [
    { name: 'unit', files: 'test/unit/**/*.test.ts', timeoutMs: 480_000, together: true },
    { name: 'tidy', files: 'test/*.test.ts', timeoutMs: 60_000 },
    { name: 'conformance', files: 'test/conformance/**/*.test.ts', timeoutMs: 360_000 },
  ],
  [
    { name: 'property', files: 'test/property/**/*.test.ts', timeoutMs: 360_000 },
    { name: 'contract', files: 'test/contract/**/*.test.ts', timeoutMs: 360_000, real: true },
    { name: 'simulation', files: 'test/simulation/**/*.test.ts', timeoutMs: 480_000 },
  ],
];

/** For one file of the real thing, several times what the longest takes. */
const MAX_FILE_MS = 400_000;

/** At the end, when the pure suites are through: these mostly wait for engines, so three files share the machine. */
const LAST: readonly Suite[] = [
  { name: 'e2e', files: 'test/e2e/**/*.test.ts', concurrency: 3, timeoutMs: 900_000, real: true },
];

const CHECKS: readonly (readonly string[])[] = [
  ['tsc', '--noEmit'],
  ['tsc', '--noEmit', '-p', 'master/status-page/page'],
  ['biome', 'check', '.'],
];

interface Counts {
  tests: number;
  pass: number;
  fail: number;
  skipped: number;
}

const context = createProcessContext(ROOT);
const progress = createProgress(context.stderr, context.clock);
const wanted = process.argv.slice(2);
const total: Counts = { tests: 0, pass: 0, fail: 0, skipped: 0 };
/** Names of what went wrong beyond the counted tests: a check, a suite that crashed. */
const broken: string[] = [];

const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

async function runAll(): Promise<void> {
  const lanes = LANES.map((lane) => lane.filter((suite) => isWanted(suite.name)));
  const last = LAST.filter((suite) => isWanted(suite.name));
  const user = { name: `npm test ${process.pid}`, process: await currentProcess() };
  const needsMachine = [...lanes.flat(), ...last].some((suite) => suite.real);
  try {
    if (needsMachine) await prepareMachine(context, progress, user);
    await Promise.all([...lanes.map(runLane), isWanted('checks') ? runChecks() : undefined]);
    await runLane(last);
  } finally {
    if (needsMachine) await releaseEngine(context, user);
  }
}

async function runChecks(): Promise<void> {
  for (const [program = '', ...args] of CHECKS) {
    const { code, output } = await runProgram(join(ROOT, 'node_modules/.bin', program), args, {
      cwd: ROOT,
      env: context.env,
      signal: context.signal,
    });
    progress.info(`${program}: ${code === 0 ? 'fine' : 'complaints'}`);
    if (code !== 0) {
      broken.push(program);
      context.stderr.write(output);
    }
  }
}

async function runLane(suites: readonly Suite[]): Promise<void> {
  for (const suite of suites) {
    const files: string[] = [];
    for await (const file of glob(suite.files, { cwd: ROOT })) files.push(file);
    files.sort();
    if (files.length > 0 && !context.signal.aborted) await runSuite(suite, files);
  }
}

/** Hooks of a whole file would be hooks of all files of its process. */
const HOOK_OF_A_FILE = /^(before|after|beforeEach|afterEach)\(/m;

async function runSuite(suite: Suite, files: readonly string[]): Promise<void> {
  const startMs = context.clock.monotonicMs();
  const counts: Counts = { tests: 0, pass: 0, fail: 0, skipped: 0 };
  for (const run of await planRuns(suite, files)) await runFiles(run, counts);
  for (const key of ['tests', 'pass', 'fail', 'skipped'] as const) total[key] += counts[key];
  const seconds = ((context.clock.monotonicMs() - startMs) / 1000).toFixed(1);
  progress.info(`${suite.name}: ${counts.pass} passed, ${counts.fail} failed in ${seconds} s`);
}

interface Run {
  suite: Suite;
  files: readonly string[];
  /** In one process. */
  together: boolean;
}

async function planRuns(suite: Suite, files: readonly string[]): Promise<Run[]> {
  if (!suite.together) return [{ suite, files, together: false }];
  const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), 'utf8')));
  const hasHooks = (_: string, index: number): boolean => HOOK_OF_A_FILE.test(texts[index] ?? '');
  return [
    { suite, files: files.filter((file, index) => !hasHooks(file, index)), together: true },
    { suite, files: files.filter(hasHooks), together: false },
  ].filter((run) => run.files.length > 0);
}

async function runFiles(run: Run, counts: Counts): Promise<void> {
  const { name } = run.suite;
  const tapFile = join(ROOT, `.cache/test-${name}-${process.pid}.tap`);
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const { ended, output } = await runNode(run, tapFile);
  const own = parseCounts(await readFile(tapFile, 'utf8').catch(() => ''));
  await rm(tapFile, { force: true });
  for (const key of ['tests', 'pass', 'fail', 'skipped'] as const) counts[key] += own[key];
  if (ended !== 'well' && own.fail === 0) broken.push(`${name} (${ended})`);
  if (ended === 'well' && own.pass === 0) broken.push(`${name} (nothing ran)`);
  if (ended !== 'well') context.stderr.write(output);
}

type Ending = 'well' | 'failed' | 'timed out';

async function runNode({ suite, files, together }: Run, tapFile: string): Promise<{ ended: Ending; output: string }> {
  const args = [
    '--test',
    // Otherwise a process a file: hooks and signals of one file must not reach another.
    together ? '--test-isolation=none' : `--test-concurrency=${suite.concurrency ?? 1}`,
    // A file that hangs is named instead of taking the suite with it. No --test-force-exit: it loses tests that are made late.
    ...(suite.real ? [`--test-timeout=${MAX_FILE_MS}`] : []),
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${tapFile}`,
    ...files,
  ];
  const env = testEnvironment(context.env);
  const child = spawn(process.execPath, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  // The whole group: a test's own children must not stay behind a test that hangs.
  const killGroup = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  let ended: Ending | undefined;
  const timer = context.clock.after(suite.timeoutMs, () => {
    ended = 'timed out';
    killGroup();
  });
  context.signal.addEventListener('abort', killGroup, { once: true });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number>((resolve) => child.on('close', (value) => resolve(value ?? -1)));
  timer.cancel();
  context.signal.removeEventListener('abort', killGroup);
  return { ended: ended ?? (code === 0 ? 'well' : 'failed'), output: Buffer.concat(chunks).toString() };
}

/** Reads the summary that TAP ends with: `# tests 12`, `# pass 12`, … */
function parseCounts(tap: string): Counts {
  const read = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return { tests: read('tests'), pass: read('pass'), fail: read('fail'), skipped: read('skipped') };
}

function printTotal(): void {
  const { tests, pass, fail, skipped } = total;
  if (broken.length > 0) context.stdout.write(`\nbroken: ${broken.join(', ')}\n`);
  context.stdout.write(`\nℹ tests ${tests}\nℹ pass ${pass}\nℹ fail ${fail}\nℹ skipped ${skipped}\n`);
  context.stdout.write(`${pass} passed, ${fail} failed, ${skipped} skipped\n`);
}

try {
  await runAll();
} catch (error) {
  broken.push(messageOf(error));
}
printTotal();
process.exitCode = total.fail > 0 || broken.length > 0 || total.pass === 0 ? 1 : 0;
