/**
 * A session at the command line as the README shows it: taken from a real run, and compared with the next one by its shape,
 * since names, ages and readings differ from run to run. An empty block is filled by the test: delete what is in it to renew it.
 */
import { readFile, writeFile } from 'node:fs/promises';

export interface Step {
  /** As a person types it. */
  command: string;
  output: string;
}

const BEGIN = '<!-- transcript: written by test/e2e/commands.test.ts; empty the block to renew it -->\n';
const END = '<!-- transcript ends -->\n';

export function renderTranscript(steps: readonly Step[]): string {
  return `\`\`\`\n${steps.map(({ command, output }) => `$ ${command}\n${output}`).join('\n')}\`\`\`\n`;
}

/** What stays the same from run to run: words and columns, without numbers, random names and widths. */
export function shapeOf(text: string): string {
  return text
    .replaceAll(/\b([a-z][a-z-]*?)-[a-z0-9]{5,10}-[a-z0-9]{5}\b/g, '$1-POD')
    .replaceAll(/\b\d[\da-z.:]*\b/gi, '0')
    .replaceAll(/[A-Za-z0-9+/_-]{40,}/g, 'HASH')
    .replaceAll(/[ \t]+/g, ' ');
}

/** The text with its block filled, or undefined when the block is as it should be. Throws when it says something else. */
export function updateTranscript(text: string, steps: readonly Step[]): string | undefined {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`the README has no block between ${BEGIN.trim()} and ${END.trim()}`);
  const present = text.slice(start + BEGIN.length, end);
  const wanted = renderTranscript(steps);
  if (present.trim() === '') return text.slice(0, start + BEGIN.length) + wanted + text.slice(end);
  if (shapeOf(present) === shapeOf(wanted)) return undefined;
  throw new Error(
    `the session in the README is not what the commands print now; empty its block to renew it:\n${wanted}`,
  );
}

export async function checkTranscript(path: string, steps: readonly Step[]): Promise<void> {
  const renewed = updateTranscript(await readFile(path, 'utf8'), steps);
  if (renewed !== undefined) await writeFile(path, renewed);
}
