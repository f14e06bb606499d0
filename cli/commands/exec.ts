/** `bramble exec`: a program in a container, with this terminal as its own; ends with the program's exit code. */
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { execInPod } from '../api/exec.ts';
import { findPodNames } from '../api/pod-of.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, ProgramEnded } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';

export interface ExecCommandOptions extends NamespaceOptions {
  pod: string;
  command: string[];
  container?: string;
  stdin?: boolean;
  tty?: boolean;
}

export async function exec(context: Context, options: ExecCommandOptions): Promise<void> {
  if (options.command.length === 0)
    throw new Failure(EXIT.usage, 'which program?', 'write it behind --: bramble exec web-1 -- ls -l');
  const { stdin, stdout, stderr } = context;
  const terminal = options.tty && stdin instanceof ReadStream ? stdin : undefined;
  if (options.tty && terminal === undefined)
    context.stderr.write('bramble: this input is no terminal, -t is left out\n');
  const code = await withSession(context, options, async (session) => {
    const namespace = options.namespace ?? session.profile.namespace;
    const [pod = ''] = await findPodNames(session, namespace, options.pod);
    terminal?.setRawMode(true);
    try {
      return await execInPod(session, {
        ...{ namespace, pod, container: options.container },
        command: options.command,
        tty: terminal !== undefined,
        ...(options.stdin && { stdin: chunksOf(stdin) }),
        ...(terminal && { resizes: sizesOf(context) }),
        onStdout: (bytes) => stdout.write(bytes),
        onStderr: (bytes) => stderr.write(bytes),
      });
    } finally {
      terminal?.setRawMode(false);
      // Or this process would wait for a person who has nothing more to say.
      stdin.destroy();
    }
  });
  if (code !== 0) throw new ProgramEnded(code);
}

async function* chunksOf(stdin: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) yield Buffer.from(chunk);
}

/** The size now, then each change of it. */
async function* sizesOf({ stdout, signal }: Context): AsyncGenerator<{ columns: number; rows: number }> {
  const size = (): { columns: number; rows: number } => ({ columns: stdout.columns, rows: stdout.rows ?? 24 });
  let changed = Promise.withResolvers<void>();
  const forget = stdout.onResize?.(() => changed.resolve());
  try {
    yield size();
    while (!signal.aborted) {
      await changed.promise;
      changed = Promise.withResolvers<void>();
      yield size();
    }
  } finally {
    forget?.();
  }
}
