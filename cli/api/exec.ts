/** A program in a container, over the session: its input and output as frames of channels, its end as an exit code. */
import { isJsonObject } from '../../shared/machinery/json.ts';
import { CHANNEL, type ChannelFrame } from '../../shared/protocol/exchange.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Session } from './session.ts';

export interface ExecOptions {
  namespace: string;
  pod: string;
  container?: string | undefined;
  command: readonly string[];
  tty?: boolean;
  /** What the program reads; undefined: nothing, its input is not opened. */
  stdin?: AsyncIterable<Uint8Array>;
  /** Sizes of the terminal as it changes. */
  resizes?: AsyncIterable<{ columns: number; rows: number }>;
  onStdout(bytes: Uint8Array): void;
  onStderr(bytes: Uint8Array): void;
}

/** Resolves with the program's exit code. Rejects when it could not be run. */
export async function execInPod(session: Session, options: ExecOptions): Promise<number> {
  const { namespace, pod, container, command, tty = false, stdin } = options;
  const serve = await session.api.channels({
    method: 'POST',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec`,
    query: {
      container,
      command,
      stdin: String(stdin !== undefined),
      stdout: 'true',
      // On a terminal everything is one stream.
      stderr: String(!tty),
      tty: String(tty),
    },
  });
  let status = '';
  const ended = new AbortController();
  await serve({
    incoming: mergeInput(options, ended.signal),
    async send(frame) {
      if ('close' in frame) return;
      if (frame.channel === CHANNEL.stdout) options.onStdout(frame.bytes);
      else if (frame.channel === CHANNEL.stderr) options.onStderr(frame.bytes);
      else if (frame.channel === CHANNEL.error) status += Buffer.from(frame.bytes).toString();
    },
    close: () => ended.abort(),
  });
  return readExitCode(status);
}

/** Source: Kubernetes' remotecommand protocol: a Status on the error channel says how it ended. */
export function readExitCode(text: string): number {
  if (text === '') throw new Failure(EXIT.unavailable, 'the connection to the container broke off');
  const status: unknown = JSON.parse(text);
  if (!isJsonObject(status) || status['status'] === 'Success') return 0;
  const details = isJsonObject(status['details']) ? status['details'] : {};
  const causes = Array.isArray(details['causes']) ? details['causes'].filter(isJsonObject) : [];
  const code = causes.find(({ reason }) => reason === 'ExitCode')?.['message'];
  if (code === undefined) throw new Failure(EXIT.failed, String(status['message'] ?? 'the program could not be run'));
  return Number(code);
}

/** Frames of both sources as they come. */
async function* mergeInput({ stdin, resizes }: ExecOptions, ended: AbortSignal): AsyncGenerator<ChannelFrame> {
  const queue: ChannelFrame[] = [];
  let wake = Promise.withResolvers<void>();
  const push = (frame: ChannelFrame): void => {
    queue.push(frame);
    wake.resolve();
  };
  const readStdin = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const bytes of source) push({ channel: CHANNEL.stdin, bytes });
    push({ channel: CHANNEL.stdin, close: true });
  };
  const readResizes = async (source: NonNullable<ExecOptions['resizes']>): Promise<void> => {
    for await (const { columns, rows } of source) {
      push({ channel: CHANNEL.resize, bytes: Buffer.from(JSON.stringify({ Width: columns, Height: rows })) });
    }
  };
  ended.addEventListener('abort', () => wake.resolve(), { once: true });
  if (resizes !== undefined) readResizes(resizes).catch(() => undefined);
  if (stdin !== undefined) readStdin(stdin).catch(() => undefined);
  while (!ended.aborted) {
    const frame = queue.shift();
    if (frame !== undefined) yield frame;
    else {
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  }
}
