/** `bramble cp`: files and folders into a container and out of it, by programs that every image with a shell has. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { execInPod } from '../api/exec.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, systemErrorCode } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';
import { createProgress } from '../progress.ts';

export interface CopyOptions extends NamespaceOptions {
  from: string;
  to: string;
  container?: string;
}

const MEGABYTE = 1024 * 1024;

interface Remote {
  namespace: string;
  pod: string;
  container: string | undefined;
  path: string;
}

export async function copy(context: Context, options: CopyOptions): Promise<void> {
  const [from, to] = [parseRemote(options.from), parseRemote(options.to)];
  if ((from === undefined) === (to === undefined)) {
    throw new Failure(
      EXIT.usage,
      'one of both must be in a pod',
      'bramble cp ./file web-1:/tmp/file, or bramble cp web-1:/tmp/file ./file',
    );
  }
  await withSession(context, options, async (session) => {
    const place = { namespace: options.namespace ?? session.profile.namespace, container: options.container };
    await metered(context, options, async (meter) => {
      if (from !== undefined) await download(session, { ...place, ...from }, { path: options.to, meter });
      else if (to !== undefined) await upload(session, { path: options.from, meter }, { ...place, ...to });
    });
  });
  if (options.json) writeResult(context, options, { object: options.to, result: 'copied', from: options.from });
}

/** Hears of bytes that were copied. */
type Meter = (bytes: number) => void;

interface Local {
  path: string;
  meter: Meter;
}

/** How far it is, on a terminal; elsewhere there is nothing to say, as of cp. */
async function metered(
  { stderr, clock }: Context,
  { from, to }: CopyOptions,
  work: (meter: Meter) => Promise<void>,
): Promise<void> {
  if (!stderr.isTerminal) return work(() => undefined);
  await createProgress(stderr, clock).step(`Copying ${from} to ${to}`, (note) => {
    let doneBytes = 0;
    return work((bytes) => {
      doneBytes += bytes;
      note(`${(doneBytes / MEGABYTE).toFixed(1)} MB`);
    });
  });
}

async function* measured(source: AsyncIterable<Uint8Array>, { path, meter }: Local): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of source) {
      meter(bytes.byteLength);
      yield bytes;
    }
  } catch (error) {
    throw new Failure(EXIT.input, `${path} cannot be read: ${systemErrorCode(error) ?? String(error)}`);
  }
}

/** `web-1:/path` and `shop/web-1:/path`; a path of this machine may hold no colon before a slash. */
export function parseRemote(text: string): { pod: string; path: string; namespace?: string } | undefined {
  const match = /^(?:([a-z0-9][-a-z0-9]*)\/)?([a-z0-9][-a-z0-9.]*):(.+)$/.exec(text);
  if (match === null) return undefined;
  const [, namespace, pod = '', path = ''] = match;
  return { pod, path, ...(namespace !== undefined && { namespace }) };
}

async function upload(session: Session, local: Local, to: Remote): Promise<void> {
  const from = local.path;
  const facts = await stat(from).catch(() => {
    throw new Failure(EXIT.input, `there is no ${from}`);
  });
  if (facts.isDirectory()) {
    const archive = startTar(['-cf', '-', '-C', from, '.'], 'pipe');
    await run(session, to, { script: 'mkdir -p "$1" && tar -xf - -C "$1"', stdin: measured(archive.stdout, local) });
    await archive.ended;
    return;
  }
  // As much as there is now: a log that grows meanwhile has a size too. What is no file has none.
  const size = facts.isFile() ? facts.size : undefined;
  const source = size === 0 ? Readable.from([]) : createReadStream(from, size === undefined ? {} : { end: size - 1 });
  const args = [basename(from), String(size ?? '')];
  await run(session, to, { script: RECEIVE_FILE, stdin: measured(source, local), args });
}

/** Into a folder, or as a file; renamed when it is whole, as a link that breaks looks like the end of the input. */
const RECEIVE_FILE = `
to=$1
[ ! -d "$to" ] || to=$to/$2
cat > "$to.part" || exit 1
if [ -z "$3" ] || [ "$(wc -c < "$to.part")" -eq "$3" ]; then
  mv "$to.part" "$to"
else
  rm -f "$to.part"
  echo 'only a part of the file has arrived' >&2
  exit 1
fi`;

async function download(session: Session, from: Remote, { path: to, meter }: Local): Promise<void> {
  const isFolder = (await run(session, from, { script: '[ -d "$1" ] && echo folder || true' })).trim() === 'folder';
  const exists = await stat(to).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (isFolder) {
    await mkdir(to, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw new Failure(EXIT.cannotWrite, `${to} cannot be written: ${error.code ?? error.message}`);
    });
    const archive = startTar(['-xf', '-', '-C', to], 'ignore');
    const onStdout = (bytes: Uint8Array): Promise<void> => {
      meter(bytes.byteLength);
      return archive.write(bytes);
    };
    await run(session, from, { script: 'tar -cf - -C "$1" .', onStdout });
    archive.end();
    await archive.ended;
    return;
  }
  const path = exists ? join(to, basename(from.path)) : to;
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  const file = await open(partial, 'w').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(EXIT.cannotWrite, `${path} cannot be written: ${error.code ?? error.message}`);
  });
  try {
    const onStdout = async (bytes: Uint8Array): Promise<void> => {
      meter(bytes.byteLength);
      await file.appendFile(bytes).catch((error: NodeJS.ErrnoException) => {
        throw new Failure(EXIT.cannotWrite, `${path} cannot be written: ${error.code ?? error.message}`);
      });
    };
    await run(session, from, { script: 'cat "$1"', onStdout });
    await rename(partial, path);
  } finally {
    await file.close();
    await rm(partial, { force: true });
  }
}

interface Running {
  script: string;
  args?: readonly string[];
  stdin?: AsyncIterable<Uint8Array>;
  onStdout?(bytes: Uint8Array): Promise<void>;
}

/** Resolves with what it printed, unless that goes elsewhere. */
async function run(session: Session, remote: Remote, { script, args = [], stdin, onStdout }: Running): Promise<string> {
  const output = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr', bytes: Uint8Array): void => {
    output[name] += Buffer.from(bytes).toString();
  };
  const code = await execInPod(session, {
    ...remote,
    command: ['sh', '-c', script, 'sh', remote.path, ...args],
    ...(stdin && { stdin }),
    onStdout: onStdout ?? ((bytes) => collect('stdout', bytes)),
    onStderr: (bytes) => collect('stderr', bytes),
  });
  if (code === 0) return output.stdout;
  throw new Failure(
    EXIT.failed,
    `${remote.pod}:${remote.path}: ${output.stderr.trim().split('\n').at(-1) || `ended with ${code}`}`,
  );
}

/** The tar of this machine. */
function startTar(args: readonly string[], stdout: 'pipe' | 'ignore') {
  const child = spawn('tar', args, { stdio: ['pipe', stdout, 'pipe'] });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', () => reject(new Failure(EXIT.unavailable, 'the program tar is missing')));
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Failure(EXIT.failed, complaint.trim().split('\n')[0] ?? 'tar failed')),
    );
  });
  return {
    ended,
    // Read at once: what nobody has asked for is thrown away when the program ends.
    stdout: child.stdout?.pipe(new PassThrough()) ?? new PassThrough(),
    /** Resolves when it has room for more; when it has ended, `ended` says why. */
    write: async (bytes: Uint8Array): Promise<void> => {
      if (child.stdin?.writable !== true || child.stdin.write(bytes)) return;
      await Promise.race([once(child.stdin, 'drain'), once(child, 'close')]);
    },
    end: () => void child.stdin?.end(),
  };
}
