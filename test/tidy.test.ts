/**
 * House style as law: a rule that a program can check is checked here, over every TypeScript file of the repository, with the
 * file, the line and what to do. What the rules say stands in test/support/tidy.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findForbiddenArrows } from './support/tidy/arrows.ts';
import { findUnexplainedDependencies } from './support/tidy/dependencies.ts';
import { findLongFunctions } from './support/tidy/functions.ts';
import { findCycles, findUndeclared } from './support/tidy/imports.ts';
import {
  FUNCTION_LINES_LIMIT,
  findBannedWords,
  findBarrelName,
  findIdleAllowances,
  findLongFile,
  findMissingHeader,
  findSuppressions,
  SOURCE_LINES_LIMIT,
  TEST_LINES_LIMIT,
} from './support/tidy/rules.ts';
import { type Finding, readSourceFiles, renderFindings, type SourceFile } from './support/tidy/source-file.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['shared', 'master', 'node-agent', 'cli', 'test'];

interface PackageFile {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const files = readSourceFiles(ROOT, FOLDERS);
const packageFile: PackageFile = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const isTest = ({ path }: SourceFile): boolean => path.startsWith('test/');
const isTestTable = ({ path }: SourceFile): boolean => path.endsWith('.test.ts');

function law(name: string, find: () => Finding[]): void {
  it(name, () => {
    const findings = find();
    assert.ok(findings.length === 0, `${findings.length} findings\n${renderFindings(findings)}`);
  });
}

law('imports follow the arrows of the design', () => files.flatMap(findForbiddenArrows));
law('imports make no cycles', () => findCycles(files));
law('only declared packages are imported', () =>
  findUndeclared(files, Object.keys({ ...packageFile.dependencies, ...packageFile.devDependencies })),
);
law('no banned words', () => files.flatMap(findBannedWords));
law('no allowance outlives its need', () => findIdleAllowances(files));
law('no checker is switched off', () => files.flatMap(findSuppressions));
law('no barrels', () => files.flatMap(findBarrelName));
law('each file begins with its one job', () => files.filter((file) => !isTestTable(file)).flatMap(findMissingHeader));
law('files are short', () =>
  files.flatMap((file) => findLongFile(file, isTest(file) ? TEST_LINES_LIMIT : SOURCE_LINES_LIMIT)),
);
law('functions are short', () =>
  files.flatMap((file) => findLongFunctions(file, FUNCTION_LINES_LIMIT, isTest(file) ? 'own' : 'all')),
);
law('each dependency has its reason in the README', () => {
  const readme = join(ROOT, 'README.md');
  if (!existsSync(readme)) return [];
  return findUnexplainedDependencies(readFileSync(readme, 'utf8'), Object.keys(packageFile.dependencies));
});
