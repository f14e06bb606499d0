/**
 * Who this node is to the master: key, certificate and the CA that both trust. Kept across restarts and address changes.
 * Invariant: key and certificate change together, by the replacement of one file.
 */
import { X509Certificate } from 'node:crypto';
import { generatePrivateKey, readPrivateKey } from '../../shared/protocol/x509/keys.ts';
import { IdentityError, type IdentityFiles } from './identity-files.ts';

export interface NodeIdentity {
  /** PEM. */
  key: string;
  certificate: string;
  ca: string;
}

const FILES = {
  /** Key and certificate, one after the other. */
  pair: 'node.pem',
  ca: 'ca.crt',
  /** Of a certificate that was asked for and is not here yet. */
  requestKey: 'node.key',
  /** Version 0.1.0 kept key and certificate apart. */
  formerCertificate: 'node.crt',
} as const;

const PRIVATE_KEY = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/;

/** Certificate of the cluster that this node belongs to (PEM); undefined: it has not joined one. */
export function readCa(files: IdentityFiles): Promise<string | undefined> {
  return files.read(FILES.ca);
}

/** undefined: the node has not joined. Throws IdentityError when the parts do not belong together or to this node. */
export async function readIdentity(files: IdentityFiles, node: string): Promise<NodeIdentity | undefined> {
  const ca = await files.read(FILES.ca);
  const pair = (await files.read(FILES.pair)) ?? (await mendLayout(files, ca));
  if (pair === undefined || ca === undefined) return undefined;
  const [key, certificate] = [PRIVATE_KEY.exec(pair)?.[0], CERTIFICATE.exec(pair)?.[0]];
  if (key === undefined || certificate === undefined) throw damaged();
  const name = nodeNameOf(key, certificate);
  if (name !== node) {
    throw new IdentityError(
      'damaged',
      `this data directory belongs to the node "${name}", not to "${node}": start with --name ${name}, or remove ${FILES.pair} to join anew`,
    );
  }
  return { key, certificate, ca };
}

/** Brings the files of version 0.1.0 to the present layout. */
async function mendLayout(files: IdentityFiles, ca: string | undefined): Promise<string | undefined> {
  const [key, certificate] = [await files.read(FILES.requestKey), await files.read(FILES.formerCertificate)];
  if (key === undefined || certificate === undefined || ca === undefined) return undefined;
  await writeIdentity(files, { key, certificate, ca });
  await files.remove(FILES.formerCertificate);
  return files.read(FILES.pair);
}

/** The key that was made before, so that a request that was interrupted is taken up again. */
export async function readOrMakeKey(files: IdentityFiles): Promise<string> {
  const present = await files.read(FILES.requestKey);
  if (present !== undefined) return present;
  const key = generatePrivateKey();
  await files.write(FILES.requestKey, key);
  return key;
}

/** Nothing will come of the request that was made with this key. */
export function forgetRequest(files: IdentityFiles): Promise<void> {
  return files.remove(FILES.requestKey);
}

/** The pair comes last: with it the identity is complete. */
export async function writeIdentity(files: IdentityFiles, { key, certificate, ca }: NodeIdentity): Promise<void> {
  if ((await files.read(FILES.ca)) !== ca) await files.write(FILES.ca, ca);
  await files.write(FILES.pair, `${key.trimEnd()}\n${certificate}`);
  await forgetRequest(files);
}

function nodeNameOf(key: string, certificate: string): string {
  try {
    const parsed = new X509Certificate(certificate);
    if (parsed.checkPrivateKey(readPrivateKey(key))) return /^CN=system:node:(.+)$/m.exec(parsed.subject)?.[1] ?? '';
  } catch {
    // Neither can be read: as good as none.
  }
  throw damaged();
}

function damaged(): IdentityError {
  const message = `${FILES.pair} holds no key with its certificate: remove it and join anew with a token`;
  return new IdentityError('damaged', message);
}
