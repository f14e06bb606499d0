/**
 * pods/portforward: `?ports=80,443` gives two channels a port, 2i for data and 2i+1 for errors, each beginning with the port
 * in two bytes, low byte first: Kubernetes' words for WebSockets (pkg/kubelet, portforward). One connection a port; whoever
 * wants another one asks again. Agents answer `/portForward/{namespace}/{pod}?port=N`, one connection on channel 0.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { badRequest, internalError, StatusError } from '../../../shared/machinery/errors.ts';
import type { ChannelFrame, Channels, Request, Response } from '../../../shared/protocol/exchange.ts';
import { FrameQueue } from '../../../shared/protocol/frame-queue.ts';
import type { NodeProxy } from '../node-proxy.ts';
import { asKind } from '../storage/api-object.ts';
import { type Endpoint, notImplemented } from './endpoint.ts';
import { readObject } from './objects.ts';

/** Of one request; kubectl and `bramble` ask for one at a time. */
const MAX_PORTS = 16;

export const portForwardEndpoint: Endpoint = async (services, context) => {
  const pod = asKind<Pod>(context.kind, await readObject(services, context));
  const ports = parsePorts(context.request.query['ports'] ?? []);
  const { namespace = '', name } = pod.metadata;
  if (pod.status.phase !== 'Running') {
    throw badRequest(`unable to forward port because pod is not running. Current status=${pod.status.phase}`);
  }
  const { nodeProxy } = services;
  if (nodeProxy === undefined) throw notImplemented('reaching nodes');
  const path = `/portForward/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const { signal } = context.request;
  const dial = (port: number) => dialPort(nodeProxy, pod, { path, port, signal });
  return { type: 'channels', code: 101, serve: (channels) => serve(ports, channels, dial) };
};

/** `?ports=80&ports=443` and `?ports=80,443` alike. */
function parsePorts(values: readonly string[]): number[] {
  const texts = values.flatMap((value) => value.split(',')).filter((text) => text !== '');
  const ports = texts.map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : 0));
  const wrong = ports.findIndex((port) => port < 1 || port > 65_535);
  if (wrong >= 0) throw badRequest(`ports must be numbers from 1 to 65535, not ${JSON.stringify(texts[wrong])}`);
  if (ports.length > MAX_PORTS) throw badRequest(`at most ${MAX_PORTS} ports at a time`);
  return ports;
}

type Serve = (channels: Channels) => Promise<void>;

interface PortCall {
  path: string;
  port: number;
  signal: AbortSignal;
}

async function dialPort(nodeProxy: NodeProxy, pod: Pod, { path, port, signal }: PortCall): Promise<Serve> {
  const query = { port: [String(port)] };
  const request: Request = { method: 'GET', path, query, headers: {}, signal };
  const response: Response = await nodeProxy(pod.spec.nodeName ?? '', request);
  if (response.type !== 'channels') throw internalError('the node did not answer with channels');
  return response.serve;
}

async function serve(
  ports: readonly number[],
  channels: Channels,
  dial: (port: number) => Promise<Serve>,
): Promise<void> {
  if (ports.length === 0) throw badRequest('name the ports: ?ports=80');
  const queues = ports.map(() => new FrameQueue());
  const pumped = distribute(channels, queues);
  try {
    await Promise.all(ports.map((port, index) => servePort({ channels, port, index, dial, incoming: queues[index] })));
  } finally {
    for (const queue of queues) queue.end();
    channels.close();
  }
  await pumped;
}

interface PortStream {
  channels: Channels;
  port: number;
  index: number;
  incoming: FrameQueue | undefined;
  dial(port: number): Promise<Serve>;
}

/** Never rejects: what is wrong is told on the port's error channel. */
async function servePort({ channels, port, index, incoming = new FrameQueue(), dial }: PortStream): Promise<void> {
  const [data, error] = [2 * index, 2 * index + 1];
  try {
    const greeting = Uint8Array.of(port & 0xff, port >> 8);
    for (const channel of [data, error]) await channels.send({ channel, bytes: greeting });
    const serveOn = await dial(port);
    await serveOn({
      incoming,
      send: (frame) => channels.send({ ...frame, channel: data }),
      close: () => incoming.end(),
    });
  } catch (reason) {
    const why = reason instanceof StatusError ? reason.message : 'an internal error has occurred';
    const bytes = Buffer.from(`error forwarding port ${port}: ${why}`);
    await channels.send({ channel: error, bytes }).catch(() => undefined);
  } finally {
    incoming.end();
    for (const channel of [data, error]) await channels.send({ channel, close: true }).catch(() => undefined);
  }
}

/** What the client sends, to the port that it is for; as fast as the slowest of them takes it. */
async function distribute({ incoming }: Channels, queues: readonly FrameQueue[]): Promise<void> {
  try {
    for await (const frame of incoming) {
      if (frame.channel % 2 === 0) await queues[frame.channel / 2]?.push(renumber(frame));
    }
  } catch {
    // The client's stream was lost: the same end.
  } finally {
    for (const queue of queues) queue.end();
  }
}

function renumber(frame: ChannelFrame): ChannelFrame {
  return { ...frame, channel: 0 };
}
