/**
 * The installation that this agent runs from, with its versions side by side (adapter: files, and update.sh, which does all
 * that changes it: it must work where no version does). See firmware-scripts/update/update.sh.
 */
import { spawn } from 'node:child_process';
import { access, open, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What update.sh says of the last update. */
export interface UpdateStatus {
  /** Link to the version that runs, such as `versions/0.2.0-1f2e3d4c5b6a`. */
  current: string;
  version: string;
  /** Absent: there was no update yet. */
  outcome?: 'trial' | 'done' | 'failed';
  /** Of the update that the outcome is about: links, and the hash of its bundle. */
  from?: string;
  to?: string;
  sha256?: string;
  /** Why the version was taken back. */
  failed?: string;
}

export class InstallationError extends Error {
  override readonly name = 'InstallationError';
}

export interface Upload {
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is on the disk; resolves with the path. */
  finish(): Promise<string>;
  /** Nothing of it is left. Idempotent. */
  discard(): Promise<void>;
}

export interface Installation {
  status(): Promise<UpdateStatus>;
  /** Whether the version that this process is of is on trial. Cheap where none is. */
  isOnTrial(): Promise<boolean>;
  receive(): Promise<Upload>;
  /** `present`: it runs already. Rejects with InstallationError when the version that ran runs on. */
  install(bundle: string, onLine: (line: string) => void): Promise<'on-trial' | 'present'>;
  confirm(): Promise<void>;
}

const NOTHING_TO_DO = 2;

/** Undefined for a program that does not lie in `ROOT/versions/VERSION/dist/`: a developer's checkout, a test. */
export function findInstallation(program: string): Installation | undefined {
  const match = /^(.*)\/(versions\/[^/]+)\/dist\/[^/]+$/.exec(program);
  if (match === null) return undefined;
  const [, root = '', own = ''] = match;
  const update = (args: readonly string[], onLine?: (line: string) => void) => runUpdate(root, args, onLine);
  return {
    status: async () => parseStatus((await mustUpdate(root, ['status'])).join('\n')),
    async isOnTrial() {
      const isTrial = await access(join(root, 'trial')).then(
        () => true,
        () => false,
      );
      return isTrial && (await readlink(join(root, 'current'))) === own;
    },
    receive: () => receive(join(root, 'incoming.tar.gz')),
    async install(bundle, onLine) {
      const { code, lines } = await update(['install', bundle], onLine);
      if (code !== 0 && code !== NOTHING_TO_DO) throw new InstallationError(lines.at(-1) ?? 'update.sh failed');
      return code === 0 ? 'on-trial' : 'present';
    },
    confirm: async () => void (await mustUpdate(root, ['confirm'])),
  };
}

/** Lines of key=value; what is not known is passed over. */
export function parseStatus(text: string): UpdateStatus {
  const fields = new Map(
    text
      .split('\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const outcome = (['trial', 'done', 'failed'] as const).find((each) => each === fields.get('outcome'));
  const optional = (['from', 'to', 'sha256', 'failed'] as const).flatMap((key) => {
    const value = fields.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  const base = { current: fields.get('current') ?? '', version: fields.get('version') ?? '' };
  return { ...base, ...(outcome ? { outcome } : {}), ...Object.fromEntries(optional) };
}

async function receive(path: string): Promise<Upload> {
  const file = await open(path, 'w', 0o600);
  return {
    write: async (bytes) => void (await file.write(bytes)),
    async finish() {
      await file.sync();
      await file.close();
      return path;
    },
    async discard() {
      await file.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}

async function mustUpdate(root: string, args: readonly string[]): Promise<string[]> {
  const { code, lines } = await runUpdate(root, args);
  if (code !== 0) throw new InstallationError(`update.sh ${args[0]}: ${lines.at(-1) ?? `ended with ${code}`}`);
  return lines;
}

interface Ended {
  code: number;
  lines: string[];
}

function runUpdate(root: string, args: readonly string[], onLine?: (line: string) => void): Promise<Ended> {
  const child = spawn(join(root, 'update.sh'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let rest = '';
  const take = (chunk: Buffer): void => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts.filter((each) => each !== '')) {
      lines.push(line);
      onLine?.(line);
    }
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new InstallationError(`update.sh cannot be run: ${error.message}`)));
    child.on('close', (code) => resolve({ code: code ?? -1, lines }));
  });
}
