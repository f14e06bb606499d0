/**
 * Which program a container runs, and where it may be: what the engine and runc otherwise find out. Pure. Sources: Docker's
 * reference of ENTRYPOINT and CMD, execvp(3), strerror(3).
 */
import type { ContainerConfig } from './runtime.ts';

export interface ImageProgram {
  entrypoint: string[];
  command: string[];
  /** `NAME=value` */
  env: string[];
}

/** Where the engine looks when neither the container nor its image says. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Wish = Pick<ContainerConfig, 'command' | 'args' | 'env'>;

/** Empty: nobody says what to run. A command of the container's own takes nothing of the image. */
export function computeProgram({ command = [], args = [] }: Wish, image: ImageProgram): string[] {
  if (command.length > 0) return [...command, ...args];
  return [...image.entrypoint, ...(args.length > 0 ? args : image.command)];
}

/** Paths at which the program is looked for, in order. */
export function computeCandidates(name: string, { env }: Wish, image: ImageProgram): string[] {
  if (name.includes('/')) return [name];
  const own = env.findLast((variable) => variable.name === 'PATH')?.value;
  const theirs = image.env.findLast((line) => line.startsWith('PATH='))?.slice('PATH='.length);
  const path = own ?? theirs ?? DEFAULT_PATH;
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${name}`);
}

const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;

const WORDS: Readonly<Record<number, string>> = {
  [ENOENT]: 'no such file or directory',
  [ENOEXEC]: 'exec format error',
  [EACCES]: 'permission denied',
  7: 'argument list too long',
  5: 'input/output error',
  26: 'text file busy',
  40: 'too many levels of symbolic links',
};

/** What people know from runc, in whose place the program was started. */
export function describeRefusal(name: string, errno: number): string {
  const isSearched = errno === ENOENT && !name.includes('/');
  const why = isSearched ? 'executable file not found in $PATH' : (WORDS[errno] ?? `error ${errno}`);
  return `failed to create task for container: exec: ${JSON.stringify(name)}: ${why}`;
}
