/** Copies from other nodes over HTTPS (adapter). Nothing is asked before it is certain which node answers. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import type { ImagePeer } from '../../../../shared/api/image-pull.ts';
import type { Clock } from '../../../../shared/platform/clock.ts';
import { type PeerDialer, PeerError, type PeerImage, type PeerRequest } from './peer-dialer.ts';
import { nodeOfCertificate, PEER_SERVER_NAME, type PeerIdentity } from './peer-identity.ts';
import { parseAnswer, reasonOf, renderQuery } from './peer-wire.ts';

export interface PeerDialerOptions {
  /** Asked at each connection: certificates are renewed. */
  identity(): PeerIdentity;
  clock: Clock;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** An engine writes the whole image down before it hands out the first byte. */
const FIRST_BYTE_TIMEOUT_MS = 180_000;

const IDLE_TIMEOUT_MS = 60_000;

export function createPeerDialer(options: PeerDialerOptions): PeerDialer {
  return { open: (peer, request) => open(options, peer, request) };
}

async function open(options: PeerDialerOptions, peer: ImagePeer, request: PeerRequest): Promise<PeerImage> {
  const socket = await connectTo(options, peer, request.signal);
  try {
    const response = await ask(socket, peer, request);
    const answer = parseAnswer(response.headers);
    socket.setTimeout(IDLE_TIMEOUT_MS);
    return { ...answer, chunks: readChunks(response, socket, peer) };
  } catch (error) {
    socket.destroy();
    throw toPeerError(error, peer, 'unreachable');
  }
}

/** A connection to just that node. */
function connectTo({ identity, clock }: PeerDialerOptions, peer: ImagePeer, signal: AbortSignal): Promise<TLSSocket> {
  const { key, certificate, ca } = identity();
  return new Promise((resolve, reject) => {
    // Unverified for TLS, whose rules are those for servers; the certificate is checked below, before anything is sent.
    const socket = connect({
      ...{ host: peer.address, port: peer.port, servername: PEER_SERVER_NAME, minVersion: 'TLSv1.3' },
      ...{ key, cert: certificate, ca, rejectUnauthorized: false },
    });
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(toPeerError(error, peer, 'unreachable'));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error('it does not answer')));
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('it hung up')));
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.once('secureConnect', () => {
      const shown = socket.getPeerX509Certificate();
      const name = shown && nodeOfCertificate(shown, ca, clock.nowMs());
      if (name === peer.nodeName) resolve(socket);
      else fail(new Error(`${peer.address}:${peer.port} is not node ${peer.nodeName}`));
    });
  });
}

function ask(socket: TLSSocket, peer: ImagePeer, request: PeerRequest): Promise<IncomingMessage> {
  const { path, headers } = renderQuery(request);
  socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, () => socket.destroy());
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      method: 'GET',
      path,
      headers: { ...headers, host: PEER_SERVER_NAME },
      createConnection: () => socket,
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      if (response.statusCode === 200) {
        resolve(response);
        return;
      }
      text(response).then(
        (why) => reject(new PeerError(reasonOf(response.statusCode ?? 0), `node ${peer.nodeName}: ${why}`)),
        reject,
      );
    });
    sent.end();
  });
}

async function* readChunks(response: IncomingMessage, socket: TLSSocket, peer: ImagePeer): AsyncGenerator<Uint8Array> {
  const isPacked = response.headers['content-encoding'] === 'zstd';
  const bytes: Readable = isPacked ? unpack(response) : response;
  try {
    for await (const chunk of bytes) yield chunk;
  } catch (error) {
    throw toPeerError(error, peer, 'broken');
  } finally {
    socket.destroy();
  }
}

/** Errors do not follow a pipe by themselves. */
function unpack(packed: Readable): Readable {
  // Loaded when an image is copied.
  const unpacker = process.getBuiltinModule('node:zlib').createZstdDecompress();
  packed.once('error', (error) => unpacker.destroy(error));
  packed.once('close', () => {
    if (!packed.readableEnded) unpacker.destroy(new Error('it broke off'));
  });
  return packed.pipe(unpacker);
}

function toPeerError(error: unknown, { nodeName }: ImagePeer, reason: 'unreachable' | 'broken'): PeerError {
  if (error instanceof PeerError) return error;
  return new PeerError(reason, `node ${nodeName}: ${error instanceof Error ? error.message : String(error)}`);
}
