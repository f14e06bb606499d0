/** Questions to a person at a terminal. Where there is nobody to answer, a question is an error that names the flag. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Context } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** Undefined: an empty line. */
export async function ask(context: Context, question: string): Promise<string | undefined> {
  const { stdin, stderr, signal } = context;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stderr.write(chunk.toString());
      done();
    },
  });
  const lines = createInterface({ input: stdin, output, terminal: false });
  try {
    const closed = new Promise<never>((_, reject) => {
      lines.once('close', () => {
        // Behind the question.
        stderr.write('\n');
        reject(new Failure(EXIT.usage, 'there is nobody to answer', 'give all settings as flags, and --yes'));
      });
    });
    const answer = (await Promise.race([lines.question(question, { signal }), closed])).trim();
    return answer === '' ? undefined : answer;
  } finally {
    lines.removeAllListeners('close');
    lines.close();
  }
}

/** What is typed is not shown: a terminal says each key, and shows none of them. */
export async function askSecret(context: Context, question: string): Promise<string | undefined> {
  const { stdin, stderr } = context;
  if (!(stdin instanceof ReadStream)) return ask(context, question);
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    const answer = await readKeys(context);
    return answer === '' ? undefined : answer;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

const INTERRUPT = '\u0003';
const RUBOUT = ['\u007f', '\b'];

/** Up to the line's end. Without its own handling of keys a terminal does not end programs, either. */
async function readKeys({ stdin, signal }: Context): Promise<string> {
  let line = '';
  // Not by iteration: its end would close the terminal.
  while (!signal.aborted) {
    const [chunk] = await once(stdin, 'data', { signal });
    for (const key of String(chunk)) {
      if (key === '\r' || key === '\n') return line;
      if (key === INTERRUPT) throw new Failure(EXIT.interrupted, 'interrupted');
      line = RUBOUT.includes(key) ? line.slice(0, -1) : line + key;
    }
  }
  throw new Failure(EXIT.interrupted, 'interrupted');
}

/** For what cannot be undone: anything but the exact word ends it. */
export async function confirmByTyping(context: Context, question: string, word: string): Promise<void> {
  if ((await ask(context, question)) === word) return;
  throw new Failure(EXIT.interrupted, 'nothing was done');
}
