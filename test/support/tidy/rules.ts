/** The words that house style bans, each with the place where it is allowed and why. */
import { type Finding, findAll, lineAt, type SourceFile } from './source-file.ts';

export const SOURCE_LINES_LIMIT = 400;
export const TEST_LINES_LIMIT = 600;
export const FUNCTION_LINES_LIMIT = 60;

interface BannedWord {
  rule: string;
  pattern: RegExp;
  /** What to do instead. */
  advice: string;
}

/** Never allowed, whoever asks. */
const NEVER: readonly BannedWord[] = [
  { rule: 'any', pattern: /(?<![.\w$])any(?![\w$]|\s*[(:])/g, advice: 'take unknown at the edge and validate it' },
  { rule: 'double cast', pattern: /\bas\s+unknown\s+as\b/g, advice: 'narrow with a check in place of a cast' },
  { rule: 'non-null', pattern: /[\w$)\]]!(?!=)/g, advice: 'use assert or defined of platform/assert' },
  { rule: 'default export', pattern: /\bexport\s+default\b|\bas\s+default\b/g, advice: 'export by name' },
  { rule: 'barrel', pattern: /\bexport\s*\*/g, advice: 'import from the file that defines it' },
  {
    rule: 'focused test',
    pattern: /(?<![.\w$])(?:it|test|describe|suite|t)\.(?:only|skip|todo)\b|[{,]\s*(?:only|skip|todo)\s*:\s*true\b/g,
    advice: '$0 leaves tests out',
  },
];

/** Allowed in the platform room, in main.ts and in the files of ALLOWED. */
const EFFECTS: readonly BannedWord[] = [
  { rule: 'clock', pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g, advice: '$0: take a Clock' },
  {
    rule: 'timer',
    pattern: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\.timeout\b/g,
    advice: '$0: take a Clock',
  },
  { rule: 'randomness', pattern: /\bMath\.random\b|\brandomUUID\b/g, advice: '$0: take a Random' },
  { rule: 'console', pattern: /(?<![.\w$])console\./g, advice: 'take a Logger' },
  { rule: 'environment', pattern: /\bprocess\.env\b/g, advice: 'take an option' },
];

type EffectRule = 'clock' | 'timer' | 'randomness' | 'console' | 'environment';

interface Allowance {
  /** A file, or a folder with its closing slash. */
  path: string;
  rules: readonly EffectRule[];
  reason: string;
}

/** Adapters to the real world. A new line here is a decision: it needs a reason that a reviewer accepts. */
const ALLOWED: readonly Allowance[] = [
  {
    path: 'cli/process-context.ts',
    rules: ['environment'],
    reason: "the command line's one reader of its environment",
  },
  {
    path: 'master/status-page/page/',
    rules: ['clock', 'timer', 'randomness'],
    reason: 'runs in the browser, where nothing hands it a clock',
  },
  { path: 'test/e2e/', rules: ['clock', 'environment'], reason: 'real programs in real time' },
  { path: 'test/support/docker.ts', rules: ['environment'], reason: 'starts a real Docker engine' },
  { path: 'test/support/cluster.ts', rules: ['environment'], reason: 'starts real programs' },
  { path: 'test/support/kubectl.ts', rules: ['environment'], reason: 'starts a real kubectl' },
  { path: 'test/support/debian-packages.ts', rules: ['environment'], reason: 'starts a real apt' },
  { path: 'test/support/firmware/', rules: ['environment'], reason: 'starts real programs' },
  { path: 'test/support/registry.ts', rules: ['environment'], reason: 'starts a real registry' },
  { path: 'test/support/store-writer.ts', rules: ['timer'], reason: 'a program of its own, killed by the crash test' },
  { path: 'test/support/virtual-clock.ts', rules: ['timer'], reason: 'waits until promise work is done, not for time' },
  { path: 'test/bench/store.ts', rules: ['timer'], reason: 'gathers writes by turns of the event loop, as the master' },
  {
    path: 'test/bench/support/child.ts',
    rules: ['environment'],
    reason: 'hands its environment to the programs measured',
  },
  { path: 'test/unit/cli/machine.test.ts', rules: ['environment'], reason: 'starts real programs' },
];

export function findBannedWords(file: SourceFile): Finding[] {
  const effects = isEffectful(file.path) ? [] : EFFECTS.filter(({ rule }) => !allowance(file.path, rule));
  return [...NEVER, ...effects].flatMap(({ rule, pattern, advice }) => findAll(file, pattern, rule, advice));
}

/** Allowances for files that are gone, or for what the file no longer does. */
export function findIdleAllowances(files: readonly SourceFile[]): Finding[] {
  return ALLOWED.flatMap(({ path, rules }) => {
    const covered = files.filter((file) => matches(path, file.path));
    const idle = EFFECTS.filter(({ rule }) => rules.some((allowed) => allowed === rule)).filter(({ pattern, rule }) =>
      covered.every((file) => findAll(file, pattern, rule, '').length === 0),
    );
    return idle.map(({ rule }) => ({ path, line: 1, rule: 'idle allowance', message: `nothing here needs "${rule}"` }));
  });
}

/** Comments that switch a checker off hide from the masked code, so the text itself is searched. */
export function findSuppressions(file: SourceFile): Finding[] {
  return Array.from(file.text.matchAll(/^\s*(?:\/\/|\/?\*+)\s*(@ts-(?:ignore|expect-error|nocheck))/gm), (match) => ({
    path: file.path,
    line: lineAt(file.text, match.index + match[0].length),
    rule: 'suppression',
    message: `${match[1]} hides an error: repair it`,
  }));
}

export function findMissingHeader(file: SourceFile): Finding[] {
  const text = file.text.replace(/^#!.*\n/, '');
  if (text.startsWith('/*') || text.startsWith('//')) return [];
  return [{ path: file.path, line: 1, rule: 'header', message: "begin with a comment: the file's one job" }];
}

export function findBarrelName(file: SourceFile): Finding[] {
  if (!file.path.endsWith('/index.ts')) return [];
  return [{ path: file.path, line: 1, rule: 'barrel', message: 'name the file for what it exports' }];
}

export function findLongFile(file: SourceFile, limitLines: number): Finding[] {
  const lines = file.text.split('\n').length - 1;
  if (lines <= limitLines) return [];
  return [{ path: file.path, line: lines, rule: 'file length', message: `${lines} lines, the limit is ${limitLines}` }];
}

function isEffectful(path: string): boolean {
  return path.startsWith('shared/platform/') || path.endsWith('/main.ts');
}

function allowance(path: string, rule: string): Allowance | undefined {
  return ALLOWED.find((allowed) => matches(allowed.path, path) && allowed.rules.some((name) => name === rule));
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern;
}
