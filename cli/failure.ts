/** The one error that commands throw at people: a sentence, a hint what to do, and a documented exit code (docs/cli.md). */

export const EXIT = {
  ok: 0,
  /** The cluster refused, or what was asked for did not come true. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 64,
  /** A file that was named is missing, or not what it should be. */
  input: 66,
  /** Something that is needed is not there: the master, Docker, a package. */
  unavailable: 69,
  /** A file or folder cannot be written. */
  cannotWrite: 73,
  /** The rights are missing, on this machine or in the cluster. */
  notAllowed: 77,
  timeout: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;
  /** What the reader can do about it; one sentence. */
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** A program in a container ended like this, and so does this command: its output has said why. */
export class ProgramEnded extends Error {
  override readonly name = 'ProgramEnded';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`the program ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Node's own code of a system error, such as ENOENT; undefined for everything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
