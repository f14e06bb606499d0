/**
 * How a board whose certificate has ended shows that it is still itself: the certificate, and a fresh signature by its key.
 * Shown in place of a join token's secret; worth no more than a join token, see the master's `returning-node.ts`.
 */
import { sign, verify, X509Certificate } from 'node:crypto';
import { readPrivateKey } from './x509/keys.ts';

const PREFIX = 'returning:';

/** What is signed, so that a signature of the same key for something else never passes for one of these. */
const PURPOSE = 'bramble returning node v1';

/** Clocks differ: the board takes the time from the master, right before. */
const FRESH_MS = 10 * 60 * 1000;

export class ReturnProofError extends Error {
  override readonly name = 'ReturnProofError';
}

export function isReturnProof(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** `returning:<certificate>.<milliseconds>.<signature>`, in base64url. `key`: PEM; `nowMs`: the master's time. */
export function makeReturnProof({ key, certificate }: { key: string; certificate: string }, nowMs: number): string {
  const head = `${encode(certificate)}.${Math.round(nowMs)}`;
  return `${PREFIX}${head}.${encode(sign('sha256', Buffer.from(`${PURPOSE} ${head}`), readPrivateKey(key)))}`;
}

/** The certificate that the board was given once: signed by this CA; whether it has ended is not looked at. Throws ReturnProofError. */
export function readReturnProof(proof: string, { ca, nowMs }: { ca: string; nowMs: number }): X509Certificate {
  const [body = '', time = '', signature = ''] = proof.slice(PREFIX.length).split('.');
  const certificate = parseCertificate(Buffer.from(body, 'base64url'));
  const issuer = new X509Certificate(ca);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw new ReturnProofError("the certificate is not signed by this cluster's CA");
  }
  const said = Buffer.from(`${PURPOSE} ${body}.${time}`);
  if (!verify('sha256', said, certificate.publicKey, Buffer.from(signature, 'base64url'))) {
    throw new ReturnProofError('the board does not have the key of its certificate');
  }
  if (!(Math.abs(Number(time) - nowMs) <= FRESH_MS)) throw new ReturnProofError('the signature is not of now');
  return certificate;
}

function parseCertificate(bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new ReturnProofError('there is no certificate in it');
  }
}

function encode(data: string | Buffer): string {
  return Buffer.from(data).toString('base64url');
}
