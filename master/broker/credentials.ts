/** What a client shows of itself when it connects, and what is never believed of it. Adapter to aedes' clients. */
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { Client, ConnectPacket } from 'aedes';
import { BOOTSTRAP_USERNAME } from '../../shared/protocol/join-token.ts';
import { TOKEN_USERNAME } from '../../shared/protocol/mqtt-user.ts';
import { SessionRefused } from './session-refused.ts';

export interface SessionCredentials {
  clientId: string;
  /** Signed by the cluster's CA; whoever shows another one is refused before. */
  certificate: X509Certificate | undefined;
  username: string | undefined;
  password: string | undefined;
  remoteAddress: string;
  /** By the port without TLS, which is for people's devices alone: who listens on the network hears what is shown there. */
  isPlain: boolean;
}

export function readCredentials(
  { id: clientId, conn, req }: Client,
  shown: Pick<SessionCredentials, 'username' | 'password' | 'isPlain'>,
): SessionCredentials {
  const certificate = conn instanceof TLSSocket ? peerCertificate(conn) : undefined;
  const remoteAddress = ('remoteAddress' in conn && conn.remoteAddress) || req?.socket.remoteAddress || '';
  return { ...shown, clientId, certificate, remoteAddress };
}

/** People's own clients may have sessions that last: a user name of theirs, and no certificate. */
export function isOfMqttUser({ conn }: Client, { username = '' }: ConnectPacket): boolean {
  const isOther = username === '' || username === BOOTSTRAP_USERNAME || username === TOKEN_USERNAME;
  return !isOther && !(conn instanceof TLSSocket && conn.getPeerX509Certificate() !== undefined);
}

/** Undefined when none was shown; a certificate that is not believed is refused, never ignored. */
function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || socket.authorized) return certificate;
  const why = String(socket.authorizationError);
  throw new SessionRefused(
    'not-authorized',
    `the client certificate is not signed by this cluster's CA or expired: ${why}`,
  );
}
