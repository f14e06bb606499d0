/**
 * The name server's sockets (adapter: UDP and TCP). Bounded: connections, questions under way on each, bytes of a question,
 * and how long a silent connection stays.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../shared/platform/logger.ts';

export type PacketHandler = (packet: Buffer, isStream: boolean) => Buffer | undefined | Promise<Buffer>;

export interface DnsListenerOptions {
  address: string;
  port: number;
  handler: PacketHandler;
  logger: Logger;
}

export interface DnsListener {
  readonly address: string;
  readonly port: number;
  /** TCP is not there: somebody else has the port on all addresses. Answers that do not fit a packet stay cut. */
  readonly lacksStream: boolean;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 64;
const IDLE_MS = 10_000;
const MAX_PIPELINED = 16;
const MAX_UNREAD_BYTES = 256 * 1024;
/** Questions have one name; the longest, with options, is far below this. */
const MAX_QUESTION_BYTES = 4_096;

/** Rejects when UDP cannot be had: the address is not there, or taken. */
export async function listenDns(options: DnsListenerOptions): Promise<DnsListener> {
  const { address, logger } = options;
  const udp = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reuseAddr: true });
  udp.on('message', (packet, sender) => void answerDatagram(options, udp, { packet, sender }));
  udp.bind(options.port, address);
  await once(udp, 'listening').catch((error) => {
    udp.close();
    throw error;
  });
  // Answers that cannot be sent are not worth an end: the client asks again.
  udp.on('error', (error) => logger.debug('an answer could not be sent', { error }));
  const { port } = udp.address();
  const sockets = new Set<Socket>();
  const tcp = await listenStream({ ...options, port }, sockets).catch((error) => {
    logger.warn('names are answered by UDP only', { address, port, error });
    return undefined;
  });
  return {
    address,
    port,
    lacksStream: tcp === undefined,
    async close() {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => (tcp ? tcp.close(() => resolve()) : resolve()));
    },
  };
}

interface Datagram {
  packet: Buffer;
  sender: RemoteInfo;
}

async function answerDatagram({ handler }: DnsListenerOptions, udp: UdpSocket, { packet, sender }: Datagram) {
  const answer = await handler(packet, false);
  if (answer === undefined) return;
  try {
    udp.send(answer, sender.port, sender.address, () => undefined);
  } catch {
    // The socket was closed meanwhile.
  }
}

async function listenStream(options: DnsListenerOptions, sockets: Set<Socket>): Promise<Server> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveStream(socket, options.handler);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ host: options.address, port: options.port });
  await once(server, 'listening');
  server.on('error', (error) => options.logger.debug('a connection could not be accepted', { error }));
  return server;
}

/** Each question follows its length; answers go out as they come (RFC 7766). */
function serveStream(socket: Socket, handler: PacketHandler): void {
  let received = Buffer.alloc(0);
  let underWay = 0;
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const takeNext = (): void => {
    while (underWay < MAX_PIPELINED && received.length >= 2) {
      const end = 2 + received.readUInt16BE(0);
      if (end > MAX_QUESTION_BYTES) {
        socket.destroy();
        return;
      }
      if (received.length < end) return;
      const packet = received.subarray(2, end);
      received = received.subarray(end);
      underWay += 1;
      void Promise.resolve(handler(packet, true)).then((answer) => {
        underWay -= 1;
        if (answer !== undefined && !socket.destroyed) socket.write(frame(answer));
        // Somebody who asks and does not read.
        if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
        socket.resume();
        takeNext();
      });
    }
    if (underWay >= MAX_PIPELINED) socket.pause();
  };
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    takeNext();
  });
}

function frame(answer: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(answer.length);
  return Buffer.concat([length, answer]);
}
