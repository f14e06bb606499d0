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
  /** The next bytes come when it is done with these. */
  onStdout(bytes: Uint8Array): void | Promise<void>;
  onStderr(bytes: Uint8Array): void;
}

/** Frames of input that wait to be sent: a large file is read no faster than the container takes it. */
const MAX_WAITING_FRAMES = 16;

/** Resolves with the program's exit code. Rejects when it could not be run, or with what reading its input failed of. */
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
  const input = new InputFrames(options, ended.signal);
  await serve({
    incoming: input.frames(),
    async send(frame) {
      if ('close' in frame) return;
      if (frame.channel === CHANNEL.stdout) await options.onStdout(frame.bytes);
      else if (frame.channel === CHANNEL.stderr) options.onStderr(frame.bytes);
      else if (frame.channel === CHANNEL.error) status += Buffer.from(frame.bytes).toString();
    },
    close: () => ended.abort(),
  });
  if (input.failure !== undefined) throw input.failure;
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

/** Frames of both sources as they come, a few ahead of what is sent. */
class InputFrames {
  readonly #options: Pick<ExecOptions, 'stdin' | 'resizes'>;
  readonly #ended: AbortSignal;
  readonly #queue: ChannelFrame[] = [];
  #added = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();
  #failure: Error | undefined;

  constructor(options: Pick<ExecOptions, 'stdin' | 'resizes'>, ended: AbortSignal) {
    this.#options = options;
    this.#ended = ended;
  }

  /** Why the program's input could not be read to its end. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Ends with the program; without an end of its input, when that could not be read. */
  async *frames(): AsyncGenerator<ChannelFrame> {
    const { stdin, resizes } = this.#options;
    this.#ended.addEventListener('abort', () => this.#wakeAll(), { once: true });
    if (resizes !== undefined) this.#readResizes(resizes).catch(() => undefined);
    if (stdin !== undefined) this.#readStdin(stdin).catch((error: unknown) => this.#fail(error));
    while (!this.#ended.aborted && this.#failure === undefined) {
      const frame = this.#queue.shift();
      if (frame === undefined) {
        await this.#added.promise;
        this.#added = Promise.withResolvers<void>();
        continue;
      }
      this.#taken.resolve();
      this.#taken = Promise.withResolvers<void>();
      yield frame;
    }
  }

  async #readStdin(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of source) {
      // Nobody wants the rest of a large file.
      if (this.#ended.aborted) return;
      await this.#push({ channel: CHANNEL.stdin, bytes });
    }
    await this.#push({ channel: CHANNEL.stdin, close: true });
  }

  async #readResizes(source: NonNullable<ExecOptions['resizes']>): Promise<void> {
    for await (const { columns, rows } of source) {
      const bytes = Buffer.from(JSON.stringify({ Width: columns, Height: rows }));
      await this.#push({ channel: CHANNEL.resize, bytes });
    }
  }

  async #push(frame: ChannelFrame): Promise<void> {
    while (this.#queue.length >= MAX_WAITING_FRAMES && !this.#ended.aborted) await this.#taken.promise;
    this.#queue.push(frame);
    this.#added.resolve();
  }

  /** A program that has ended did without the rest. */
  #fail(error: unknown): void {
    if (this.#ended.aborted) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#wakeAll();
  }

  #wakeAll(): void {
    this.#added.resolve();
    this.#taken.resolve();
  }
}
