/** Questions to a person at a terminal. Where there is nobody to answer, a question is an error that names the flag. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
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
      lines.once('close', () =>
        reject(new Failure(EXIT.usage, 'there is nobody to answer', 'give all settings as flags, and --yes')),
      );
    });
    const answer = (await Promise.race([lines.question(question, { signal }), closed])).trim();
    return answer === '' ? undefined : answer;
  } finally {
    lines.removeAllListeners('close');
    lines.close();
  }
}

/** For what cannot be undone: anything but the exact word ends it. */
export async function confirmByTyping(context: Context, question: string, word: string): Promise<void> {
  if ((await ask(context, question)) === word) return;
  throw new Failure(EXIT.interrupted, 'nothing was written');
}
