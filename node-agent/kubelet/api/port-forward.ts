/**
 * `GET /portForward/{namespace}/{pod}?port=N`: one connection to a port of a pod, as channels: 0 the bytes of both
 * directions, half-closed like the connection itself.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Informer } from '../../../shared/client/informer.ts';
import { badRequest, notFound, StatusError } from '../../../shared/machinery/errors.ts';
import {
  type Channels,
  type ChannelsResponse,
  queryValue,
  type Request,
  type Response,
} from '../../../shared/protocol/exchange.ts';
import type { ContainerRuntime } from '../../container-runtime/runtime.ts';
import { readySandbox } from '../pod/observed-pod.ts';
import type { RuntimeState } from '../runtime-state.ts';
import type { PortConnection, PortDialer, PortTarget } from './port-dialer.ts';

/** Connections of one agent at a time. */
const MAX_CONNECTIONS = 128;

export interface PortForwardOptions {
  pods: Pick<Informer<Pod>, 'get'>;
  state: Pick<RuntimeState, 'current'>;
  runtime: Pick<ContainerRuntime, 'processOf'>;
  /** Loads what connects to pods' ports; absent: nothing does. */
  openPorts?(): Promise<PortDialer>;
}

/** Answers requests as long as the agent lives: counts its connections. */
export class PortForwards {
  readonly #options: PortForwardOptions;
  #open = 0;

  constructor(options: PortForwardOptions) {
    this.#options = options;
  }

  async answer(request: Request, key: { namespace: string; pod: string }): Promise<Response> {
    const { pods, openPorts } = this.#options;
    const pod = pods.get(`${key.namespace}/${key.pod}`);
    if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, key.pod);
    const port = parsePort(queryValue(request, 'port'));
    if (openPorts === undefined) throw new StatusError('NotImplemented', 'this node does not forward ports');
    if (this.#open >= MAX_CONNECTIONS) {
      throw new StatusError('TooManyRequests', `the node forwards ${MAX_CONNECTIONS} connections already`);
    }
    const target = await this.#findTarget(pod);
    this.#open += 1;
    try {
      const connection = await (await openPorts()).dial({ ...target, port });
      return this.#serve(connection, request.signal);
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  async #findTarget(pod: Pod): Promise<Omit<PortTarget, 'port'>> {
    if (pod.spec.hostNetwork) return { host: '127.0.0.1', pid: async () => undefined };
    const { state, runtime } = this.#options;
    const sandbox = readySandbox(await state.current(pod.metadata.uid));
    if (sandbox === undefined || sandbox.ip === '') throw badRequest(`pod ${pod.metadata.name} is not running`);
    return { host: sandbox.ip, pid: async () => runtime.processOf?.(sandbox.id) };
  }

  #serve(connection: PortConnection, signal: AbortSignal): ChannelsResponse {
    const release = (): void => {
      signal.removeEventListener('abort', abandon);
      connection.close();
      this.#open -= 1;
    };
    // Nobody may ever take over what was answered.
    const abandon = (): void => connection.close();
    signal.addEventListener('abort', abandon, { once: true });
    return { type: 'channels', code: 101, serve: (channels) => join(connection, channels).finally(release) };
  }
}

function parsePort(text: string | undefined): number {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw badRequest(`port must be a number from 1 to 65535, not ${JSON.stringify(text)}`);
  return port;
}

async function join(connection: PortConnection, channels: Channels): Promise<void> {
  const input = pumpInput(connection, channels).finally(() => connection.close());
  try {
    for await (const bytes of connection.output) await channels.send({ channel: 0, bytes });
  } catch {
    // The peer has gone away: nobody is left to be told.
  } finally {
    connection.close();
    channels.close();
  }
  await input;
}

/** Ends when the peer is gone. */
async function pumpInput(connection: PortConnection, { incoming }: Channels): Promise<void> {
  try {
    for await (const frame of incoming) {
      if (frame.channel !== 0) continue;
      if ('close' in frame) connection.endInput();
      else await connection.write(frame.bytes);
    }
  } catch {
    // The stream was lost: the same end.
  }
}
