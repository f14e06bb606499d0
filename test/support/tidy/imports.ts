/** What a file imports, type imports, re-exports and dynamic imports included; and the cycles that this makes. */
import { posix } from 'node:path';
import { type Finding, lineAt, type SourceFile } from './source-file.ts';

export interface Import {
  /** A path from the root for relative imports, the specifier as written for packages. */
  target: string;
  relative: boolean;
  line: number;
}

/** The opening quote of the specifier is the last character of each match. */
const IMPORT_FORMS = [
  /(?<![.\w$])(?:import|export)\b[\s\w$,{}*]*?\bfrom\s*['"]/g,
  /(?<![.\w$])import\s*['"]/g,
  /(?<![.\w$])import\s*\(\s*['"`]/g,
];

export function importsOf(file: SourceFile): Import[] {
  return IMPORT_FORMS.flatMap((form) => Array.from(file.code.matchAll(form), (match) => toImport(file, match)));
}

function toImport(file: SourceFile, match: RegExpExecArray): Import {
  const start = match.index + match[0].length;
  const specifier = file.text.slice(start, file.text.indexOf(match[0].at(-1) ?? "'", start));
  const relative = specifier.startsWith('.');
  const target = relative ? posix.join(posix.dirname(file.path), specifier) : specifier;
  return { target, relative, line: lineAt(file.code, match.index) };
}

/** One finding a cycle, at its first file in order of path. */
export function findCycles(files: readonly SourceFile[]): Finding[] {
  const graph = new Map(files.map((file) => [file.path, importsOf(file).filter(({ relative }) => relative)]));
  const done = new Set<string>();
  const findings: Finding[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (done.has(path)) return;
    for (const { target, line } of graph.get(path) ?? []) {
      const from = [...trail, path].indexOf(target);
      if (from === -1) visit(target, [...trail, path]);
      else
        findings.push({ path, line, rule: 'cycle', message: [...trail, path].slice(from).concat(target).join(' → ') });
    }
    done.add(path);
  };
  for (const path of [...graph.keys()].sort()) visit(path, []);
  return findings;
}

/** `node:` modules and what package.json names are the only packages; a transitive one is not ours to import. */
export function findUndeclared(files: readonly SourceFile[], declared: readonly string[]): Finding[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(
        ({ target, relative }) => !relative && !target.startsWith('node:') && !declared.includes(packageOf(target)),
      )
      .map(({ target, line }) => ({
        path: file.path,
        line,
        rule: 'dependency',
        message: `${target} is not in package.json`,
      })),
  );
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
