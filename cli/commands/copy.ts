/** `bramble cp`: files and folders into a container and out of it, by programs that every image with a shell has. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { execInPod } from '../api/exec.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';
import { writeResult } from '../print/result.ts';

export interface CopyOptions extends NamespaceOptions {
  from: string;
  to: string;
  container?: string;
}

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
    if (from !== undefined) await download(session, { ...place, ...from }, options.to);
    else if (to !== undefined) await upload(session, options.from, { ...place, ...to });
  });
  // Nothing to say to people, as of cp.
  if (options.json) writeResult(context, options, { object: options.to, result: 'copied', from: options.from });
}

/** `web-1:/path` and `shop/web-1:/path`; a path of this machine may hold no colon before a slash. */
export function parseRemote(text: string): { pod: string; path: string; namespace?: string } | undefined {
  const match = /^(?:([a-z0-9][-a-z0-9]*)\/)?([a-z0-9][-a-z0-9.]*):(.+)$/.exec(text);
  if (match === null) return undefined;
  const [, namespace, pod = '', path = ''] = match;
  return { pod, path, ...(namespace !== undefined && { namespace }) };
}

async function upload(session: Session, from: string, to: Remote): Promise<void> {
  const facts = await stat(from).catch(() => {
    throw new Failure(EXIT.input, `there is no ${from}`);
  });
  if (facts.isDirectory()) {
    const archive = startTar(['-cf', '-', '-C', from, '.'], 'pipe');
    await run(session, to, { script: 'mkdir -p "$1" && tar -xf - -C "$1"', stdin: archive.stdout });
    await archive.ended;
    return;
  }
  // Into a folder, or as a file; renamed when it is whole.
  const script = 'to=$1; [ ! -d "$to" ] || to=$to/$2; cat > "$to.part" && mv "$to.part" "$to"';
  await run(session, to, { script, stdin: createReadStream(from), args: [basename(from)] });
}

async function download(session: Session, from: Remote, to: string): Promise<void> {
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
    await run(session, from, { script: 'tar -cf - -C "$1" .', onStdout: (bytes) => archive.write(bytes) });
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
    // One after the other: the order of the bytes is the file.
    let written: Promise<unknown> = Promise.resolve();
    const onStdout = (bytes: Uint8Array): void => {
      written = written.then(() => file.write(bytes));
    };
    await run(session, from, { script: 'cat "$1"', onStdout });
    await written;
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
  onStdout?(bytes: Uint8Array): void;
}

/** Resolves with what it printed, unless that goes elsewhere. */
async function run(session: Session, remote: Remote, { script, args = [], stdin, onStdout }: Running): Promise<string> {
  const output = { stdout: '', stderr: '' };
  const code = await execInPod(session, {
    ...remote,
    command: ['sh', '-c', script, 'sh', remote.path, ...args],
    ...(stdin && { stdin }),
    onStdout: onStdout ?? ((bytes) => (output.stdout += Buffer.from(bytes).toString())),
    onStderr: (bytes) => (output.stderr += Buffer.from(bytes).toString()),
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
    write: (bytes: Uint8Array) => void child.stdin?.write(bytes),
    end: () => void child.stdin?.end(),
  };
}
