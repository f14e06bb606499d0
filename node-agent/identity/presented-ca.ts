/**
 * The first look at a master (adapter: opens a TLS connection): takes the CA out of the chain that the master presents and
 * trusts it only if the join token names it by its hash. Nothing secret is sent on this connection.
 */
import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { checkCaHash, type JoinToken, JoinTokenError, MASTER_SERVER_NAME } from '../../shared/protocol/join-token.ts';
import { IdentityError } from './identity-files.ts';

export interface MasterAddress {
  host: string;
  port: number;
}

const TIMEOUT_MS = 10_000;

/** Longest chain that is looked through; also ends a chain that points to itself. */
const MAX_CHAIN = 8;

/** PEM of the CA. Rejects with IdentityError `wrong-ca`, or with the connection's error when nobody answers. */
export async function fetchCa({ host, port }: MasterAddress, token: JoinToken): Promise<string> {
  const chain = await fetchChain({ host, port });
  const top = chain.at(-1);
  if (top === undefined) throw new IdentityError('wrong-ca', `${host}:${port} shows no certificate: is it a master?`);
  try {
    checkCaHash(token, top);
  } catch (error) {
    if (error instanceof JoinTokenError) throw new IdentityError('wrong-ca', error.message);
    throw error;
  }
  return new X509Certificate(top).toString();
}

/** DER of each certificate, the server's own first. */
function fetchChain({ host, port }: MasterAddress): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    // Unverified on purpose: the hash of the CA is what is checked, before anything is sent.
    const socket = connect({ host, port, servername: MASTER_SERVER_NAME, rejectUnauthorized: false });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(walk(socket.getPeerCertificate(true)));
      socket.destroy();
    });
  });
}

function walk(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let current: DetailedPeerCertificate | undefined = leaf;
  while (current?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(current.raw);
    const next: DetailedPeerCertificate | undefined = current.issuerCertificate;
    current = next?.raw === undefined || next.raw.equals(current.raw) ? undefined : next;
  }
  return chain;
}
