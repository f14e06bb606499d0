/** `bramble port-forward`: ports of this machine that lead into a pod, each connection as a stream of its own over MQTT. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { StatusError } from '../../shared/machinery/errors.ts';
import type { ChannelFrame } from '../../shared/protocol/exchange.ts';
import { findForwardTarget } from '../api/forward-target.ts';
import { interrupted, type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, systemErrorCode } from '../failure.ts';
import type { NamespaceOptions } from '../options.ts';

export interface PortForwardOptions extends NamespaceOptions {
  target: string;
  ports: string[];
  address?: string;
}

export interface PortPair {
  /** 0: any free one. */
  local: number;
  /** Number or name. */
  remote: string;
}

/** Connections at a time; more wait to be accepted. */
const MAX_CONNECTIONS = 100;

/** `8080:80`, `:80` (any free port here), `80`, `http` (any free port here). */
export function parsePortPair(text: string): PortPair {
  const [, local, remote] = /^(?:(\d*):)?([a-z0-9][a-z0-9-]*)$/.exec(text) ?? [];
  const numbers = [local, remote].filter((part) => part !== undefined && /^\d+$/.test(part));
  const fits = numbers.every((part) => Number(part) <= 65_535) && Number(remote) !== 0;
  if (remote === undefined || !fits) {
    throw new Failure(EXIT.usage, `${text} is no port`, 'write LOCAL:REMOTE, such as 8080:80');
  }
  const same = local === undefined && /^\d+$/.test(remote) ? remote : local;
  return { local: Number(same ?? 0), remote };
}

export async function portForward(context: Context, options: PortForwardOptions): Promise<void> {
  const pairs = options.ports.map(parsePortPair);
  const { address = '127.0.0.1', target: word } = options;
  await withSession(context, options, async (session) => {
    const namespace = options.namespace ?? session.profile.namespace;
    const asked = { namespace, word, remotes: pairs.map(({ remote }) => remote) };
    const target = await findForwardTarget(session, asked);
    await checkForwards(session, namespace, target.pod);
    const forward = new Forward({ context, session, asked, target });
    const servers: Server[] = [];
    try {
      for (const [index, { local }] of pairs.entries()) {
        servers.push(await listen({ address, local }, (socket) => forward.carry(socket, index)));
        const own = servers.at(-1)?.address();
        const port = typeof own === 'object' && own !== null ? own.port : local;
        const opened = { address, port, pod: target.pod, remotePort: target.ports[index] };
        const text = `Forwarding from ${address}:${port} -> ${target.ports[index]}`;
        context.stdout.write(`${options.json ? JSON.stringify(opened) : text}\n`);
      }
      await aborted(context.signal);
    } finally {
      for (const server of servers) server.close();
    }
  });
  throw interrupted();
}

/** Without a port nothing is opened: only asks whether it would be. */
async function checkForwards({ api }: Session, namespace: string, pod: string): Promise<void> {
  await api.channels({ path: portForwardPath(namespace, pod), query: { ports: '' } }).then(async (serve) => {
    const nobody = { incoming: (async function* () {})(), send: async () => undefined, close: () => undefined };
    await serve(nobody).catch(() => undefined);
  });
}

function portForwardPath(namespace: string, pod: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`;
}

async function listen(
  { address, local }: { address: string; local: number },
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(local, address);
  await once(server, 'listening').catch((error) => {
    const code = systemErrorCode(error);
    if (code === 'EADDRINUSE')
      throw new Failure(EXIT.unavailable, `port ${local} is in use`, 'choose another: 8081:80');
    throw new Failure(EXIT.notAllowed, `${address}:${local} cannot be opened (${code})`, 'choose a port above 1023');
  });
  return server;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

interface ForwardWorld {
  context: Context;
  session: Session;
  asked: { namespace: string; word: string; remotes: readonly string[] };
  target: { pod: string; ports: number[] };
}

class Forward {
  readonly #world: ForwardWorld;

  constructor(world: ForwardWorld) {
    this.#world = world;
  }

  /** Never rejects: one connection that fails does not end the others. */
  carry(socket: Socket, index: number): void {
    socket.on('error', () => socket.destroy());
    const onAbort = (): void => void socket.destroy();
    this.#world.context.signal.addEventListener('abort', onAbort, { once: true });
    this.#join(socket, index)
      .catch((error) => this.#tell(error instanceof Error ? error.message : String(error)))
      .finally(() => {
        this.#world.context.signal.removeEventListener('abort', onAbort);
        socket.destroy();
      });
  }

  async #join(socket: Socket, index: number): Promise<void> {
    const serve = await this.#open(index);
    let complaint = '';
    const hasBegun = new Set<number>();
    await serve({
      incoming: framesOf(socket),
      send: async (frame) => {
        if ('close' in frame) {
          if (frame.channel === 0) socket.end();
        } else if (!hasBegun.has(frame.channel)) hasBegun.add(frame.channel);
        else if (frame.channel === 0) await write(socket, frame.bytes);
        else complaint += Buffer.from(frame.bytes).toString();
      },
      close: () => undefined,
    });
    if (complaint !== '') this.#tell(complaint);
    socket.end();
  }

  /** A pod of a Deployment may have been replaced since: then it is another one of it. */
  async #open(index: number) {
    const { session, asked } = this.#world;
    const call = () => {
      const { pod, ports } = this.#world.target;
      return session.api.channels({
        path: portForwardPath(asked.namespace, pod),
        query: { ports: String(ports[index]) },
      });
    };
    return call().catch(async (error) => {
      const isGone = error instanceof StatusError && (error.reason === 'NotFound' || error.reason === 'BadRequest');
      if (!isGone || !asked.word.includes('/')) throw error;
      this.#world.target = await findForwardTarget(session, asked);
      return call();
    });
  }

  #tell(message: string): void {
    if (!this.#world.context.signal.aborted) this.#world.context.stderr.write(`bramble: ${message}\n`);
  }
}

/** Half-closed like the socket; over when the socket is. */
async function* framesOf(socket: Socket): AsyncGenerator<ChannelFrame> {
  try {
    for await (const bytes of socket.iterator({ destroyOnReturn: false })) yield { channel: 0, bytes };
  } catch {
    return;
  }
  yield { channel: 0, close: true };
  if (!socket.destroyed) await once(socket, 'close');
}

async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.writableEnded) return;
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
}
