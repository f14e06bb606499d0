/** Each dependency stands in the README with its reason: a line, list item or table row, with the name in backticks. */
import type { Finding } from './source-file.ts';

/** A name and a bar are no reason. */
const SHORTEST_REASON_CHARS = 15;

export function findUnexplainedDependencies(readme: string, dependencies: readonly string[]): Finding[] {
  const lines = readme.split('\n');
  return dependencies
    .filter((name) => !lines.some((line) => explains(line, name)))
    .map((name) => ({ path: 'README.md', line: 1, rule: 'dependency', message: `say why \`${name}\` is needed` }));
}

function explains(line: string, name: string): boolean {
  if (!line.includes(`\`${name}\``)) return false;
  return line.replaceAll(/`[^`]*`|[^\p{L}]+/gu, '').length >= SHORTEST_REASON_CHARS;
}
