/**
 * A TypeScript file as the tidy rules see it: its text, and the same text with everything that is no code blanked out, so
 * that a rule about calls never trips over a comment or a string. Offsets and lines are the same in both.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { maskSource } from './mask-source.ts';

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  path: string;
  text: string;
  /** `text` with comments blank and strings, templates and regular expressions empty between their quotes. */
  code: string;
}

export interface Finding {
  path: string;
  line: number;
  rule: string;
  /** What to do, or what was found. */
  message: string;
}

const SKIPPED_FOLDERS = ['node_modules', 'dist', 'fixtures', 'golden', '.cache'];

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: maskSource(text) };
}

/** Every .ts file below the folders, in the order of their paths. */
export function readSourceFiles(root: string, folders: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => listTypeScript(join(root, folder)))
    .map((file) => sourceFile(relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8')));
}

function listTypeScript(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (entry.isDirectory())
      return SKIPPED_FOLDERS.includes(entry.name) ? [] : listTypeScript(join(folder, entry.name));
    return entry.name.endsWith('.ts') ? [join(folder, entry.name)] : [];
  });
}

/** 1-based. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < offset; index = text.indexOf('\n', index + 1)) line += 1;
  return line;
}

/** One finding for each match of `pattern`, which must be global, in the file's code. */
export function findAll(file: SourceFile, pattern: RegExp, rule: string, message: string): Finding[] {
  return Array.from(file.code.matchAll(pattern), (match) => {
    const line = lineAt(file.code, match.index);
    return { path: file.path, line, rule, message: message.replace('$0', match[0].trim()) };
  });
}

export function renderFindings(findings: readonly Finding[]): string {
  return findings.map(({ path, line, rule, message }) => `${path}:${line} ${rule}: ${message}`).join('\n');
}
