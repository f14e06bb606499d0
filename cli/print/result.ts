/** What a command has done, an object at a time: a line for people, a line of JSON for programs. */
import type { Context } from '../context.ts';

export interface Result {
  /** `deployment.apps/web`, `node/pi-1`. */
  object: string;
  /** One or two words: `created`, `condition met`. */
  result: string;
  /** More for programs. */
  [member: string]: unknown;
}

export interface ResultOptions {
  json?: boolean;
}

export function writeResult(
  { stdout }: Pick<Context, 'stdout'>,
  { json }: ResultOptions,
  result: Result,
  text = `${result.object} ${result.result}`,
): void {
  stdout.write(json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}
