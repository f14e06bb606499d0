/** exec and attach: a process's streams as numbered channels. Source: Kubernetes, remotecommand's v5.channel.k8s.io. */
import type { Status } from '../../../shared/machinery/errors.ts';
import { CHANNEL, type ChannelFrame, type Channels, type ChannelsResponse } from '../../../shared/protocol/exchange.ts';
import type { ContainerStream } from '../../container-runtime/runtime.ts';

/** `outcome` is asked when the output has ended. */
export function answerChannels(stream: ContainerStream, outcome: () => Promise<Status>): ChannelsResponse {
  return { type: 'channels', code: 101, serve: (channels) => serve(stream, channels, outcome) };
}

async function serve(stream: ContainerStream, channels: Channels, outcome: () => Promise<Status>): Promise<void> {
  // When the peer is gone, letting go of the process's streams ends the output too.
  const input = pumpInput(stream, channels).finally(() => stream.close());
  try {
    for await (const { stream: name, bytes } of stream.output) {
      await channels.send({ channel: CHANNEL[name], bytes });
    }
    const status = Buffer.from(JSON.stringify(await outcome()));
    await channels.send({ channel: CHANNEL.error, bytes: status });
  } catch {
    // The peer has gone away: nobody is left to be told.
  } finally {
    stream.close();
    channels.close();
  }
  await input;
}

async function pumpInput(stream: ContainerStream, channels: Channels): Promise<void> {
  try {
    for await (const frame of channels.incoming) await handleInput(stream, frame);
  } catch {
    // The process does not read any more, or the peer is gone; the output says how it ends.
  }
}

async function handleInput(stream: ContainerStream, frame: ChannelFrame): Promise<void> {
  if (frame.channel === CHANNEL.stdin) {
    if ('close' in frame) stream.endInput();
    else await stream.write(frame.bytes);
  } else if (frame.channel === CHANNEL.resize && 'bytes' in frame) {
    const size = parseSize(frame.bytes);
    if (size !== undefined) await stream.resize(size.columns, size.rows).catch(() => undefined);
  }
}

/** `{"Width":80,"Height":24}`; undefined for anything else. */
export function parseSize(bytes: Uint8Array): { columns: number; rows: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const isSize = [Width, Height].every((value) => Number.isInteger(value) && value > 0 && value < 65_536);
    return isSize ? { columns: Width, rows: Height } : undefined;
  } catch {
    return undefined;
  }
}

/** What kubectl makes its own exit code of. */
export function exitStatus(code: number): Status {
  if (code === 0) return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

export const SUCCESS: Status = exitStatus(0);
