/** Failures of the node's file system: an expected absence is a value, the rest is one kind of error that says what was tried. */
import { HostFilesError } from './host-files.ts';

export async function absentAsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

export async function guard<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new HostFilesError(`cannot ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
