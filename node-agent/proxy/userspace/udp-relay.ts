/**
 * A UDP listener that hands each client's datagrams to a target, and the answers back (adapter: sockets). A client that is
 * silent for a while is forgotten; one whose target has gone is led to another.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Relay, RelayOptions, RelayTarget } from './tcp-relay.ts';

interface Session {
  target: RelayTarget;
  socket: Socket;
  timer: Timer;
}

/** As long as the kernel remembers a flow that has had answers. */
const SILENCE_MS = 120_000;

/** Clients of one listener at a time; datagrams of further ones are lost. */
const MAX_SESSIONS = 512;

export interface UdpRelayOptions extends RelayOptions {
  /** Whether connections may still go there. */
  isTarget(target: RelayTarget): boolean;
  clock: Clock;
}

export async function openUdpRelay(options: UdpRelayOptions): Promise<Relay> {
  const { address, port } = options;
  const server = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const sessions = new Map<string, Session>();
  server.on('message', (bytes, from) => {
    const session = findSession(options, { server, sessions }, from);
    session?.socket.send(bytes, session.target.port, session.target.address);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.bind({ port, ...(address === '' ? {} : { address }) }, () => resolve());
  });
  server.on('error', () => undefined);
  return {
    close() {
      for (const [client, session] of sessions) end(sessions, client, session);
      server.close();
    },
  };
}

interface Listening {
  server: Socket;
  sessions: Map<string, Session>;
}

function findSession(options: UdpRelayOptions, { server, sessions }: Listening, from: RemoteInfo): Session | undefined {
  const client = `${from.address} ${from.port}`;
  const known = sessions.get(client);
  if (known !== undefined && options.isTarget(known.target)) {
    known.timer.cancel();
    known.timer = options.clock.after(SILENCE_MS, () => end(sessions, client, known));
    return known;
  }
  if (known !== undefined) end(sessions, client, known);
  const target = sessions.size < MAX_SESSIONS ? options.choose(from.address) : undefined;
  if (target === undefined) return undefined;
  const socket = createSocket(target.address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (answer) => server.send(answer, from.port, from.address)).on('error', () => undefined);
  const session: Session = {
    target,
    socket,
    timer: options.clock.after(SILENCE_MS, () => end(sessions, client, session)),
  };
  sessions.set(client, session);
  return session;
}

function end(sessions: Map<string, Session>, client: string, session: Session): void {
  session.timer.cancel();
  session.socket.close();
  if (sessions.get(client) === session) sessions.delete(client);
}
