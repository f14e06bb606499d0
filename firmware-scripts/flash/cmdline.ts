/**
 * Edits the kernel's command line as the firmware of a Pi reads it: the first line of cmdline.txt only. Words that are there
 * stay where they are, in particular `resize` and `init=…firstboot`, without which a card never grows; others are appended.
 */

/** Value of `key=value`; `true` for a bare word; `undefined` takes all words of the key away. */
export type CmdlineEdits = Readonly<Record<string, string | true | undefined>>;

/** Keys that may stand several times with different meanings: each value counts for itself. */
const REPEATED_KEYS: ReadonlySet<string> = new Set(['console', 'cgroup_enable', 'cgroup_disable']);

/** Linux reads at most 2,048 bytes on ARM64 (COMMAND_LINE_SIZE). */
export const CMDLINE_LIMIT_BYTES = 2_048;

export class CmdlineError extends Error {
  override readonly name = 'CmdlineError';
}

/** One line with one space between words and one line feed at its end, whatever came in. */
export function editCmdline(text: string, edits: CmdlineEdits): string {
  const [firstLine = ''] = text.replace(/^\uFEFF/, '').split(/[\r\n]/);
  let words = splitWords(firstLine);
  for (const [key, value] of Object.entries(edits)) words = editWord(words, key, value);
  const line = `${words.join(' ')}\n`;
  if (Buffer.byteLength(line) > CMDLINE_LIMIT_BYTES) {
    throw new CmdlineError(`the kernel's command line would be longer than ${CMDLINE_LIMIT_BYTES} bytes`);
  }
  return line;
}

/** A quoted value may hold spaces: `ds="nocloud; i=1"` is one word. */
function splitWords(line: string): string[] {
  return line.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

function editWord(words: readonly string[], key: string, value: string | true | undefined): string[] {
  if (value === undefined) return words.filter((word) => keyOf(word) !== key);
  const wanted = value === true ? key : `${key}=${value}`;
  if (words.includes(wanted)) return [...words];
  const kept = REPEATED_KEYS.has(key) ? words : words.filter((word) => keyOf(word) !== key);
  return [...kept, wanted];
}

function keyOf(word: string): string {
  const end = word.indexOf('=');
  return end === -1 ? word : word.slice(0, end);
}
