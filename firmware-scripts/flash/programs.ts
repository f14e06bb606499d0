/** Adapter to the programs that flashing uses (mtools, xz, unzip, lsblk): runs one to its end, with bytes in and out. */
import { spawn } from 'node:child_process';

export interface ProgramResult {
  /** -1: it could not be started, or was ended by a signal. */
  code: number;
  stdout: Buffer;
  stderr: string;
}

export type RunProgram = (program: string, args: readonly string[], input?: Uint8Array) => Promise<ProgramResult>;

/** Files that are read whole are settings and scripts; a bundle goes by its path. */
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `path` is this process's own PATH. A person's mtools settings must not lead to another drive. */
export function createRunProgram(path: string | undefined): RunProgram {
  const env = {
    PATH: path === undefined ? SYSTEM_PATH : `${path}:${SYSTEM_PATH}`,
    LC_ALL: 'C.UTF-8',
    MTOOLSRC: '/dev/null',
    MTOOLS_SKIP_CHECK: '1',
  };
  return (program, args, input) =>
    new Promise((resolve) => {
      const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
      const chunks: Buffer[] = [];
      let size = 0;
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= OUTPUT_LIMIT_BYTES) chunks.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        stderr = `${stderr}${chunk.toString()}`.slice(-4_096);
      });
      // A program that does not read its input to the end says why on stderr.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input ?? new Uint8Array());
      child.on('error', (error) => resolve({ code: -1, stdout: Buffer.alloc(0), stderr: error.message }));
      child.on('close', (code) => resolve({ code: code ?? -1, stdout: Buffer.concat(chunks), stderr }));
    });
}
