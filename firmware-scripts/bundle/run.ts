/** Runs a program of this machine for the bundle; what goes wrong is a sentence. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const runFile = promisify(execFile);

export class BundleError extends Error {
  override readonly name = 'BundleError';
}

export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await runFile(program, [...args], { cwd: ROOT, env: { ...process.env, ...env, LC_ALL: 'C' } });
    return stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new BundleError(`${program} is missing`);
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').slice(-3) : [];
    throw new BundleError(`${program} failed: ${stderr.join('\n')}`);
  }
}
