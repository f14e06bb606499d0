/** Who this node is to the master: key, certificate and the CA that both trust. Kept across restarts and address changes. */
import { X509Certificate } from 'node:crypto';
import { generatePrivateKey } from '../../shared/protocol/x509/keys.ts';
import { IdentityError, type IdentityFiles } from './identity-files.ts';

export interface NodeIdentity {
  /** PEM. */
  key: string;
  certificate: string;
  ca: string;
}

const FILES = { key: 'node.key', certificate: 'node.crt', ca: 'ca.crt' } as const;

/** undefined: the node has not joined. Throws IdentityError when the parts do not belong together or to this node. */
export async function readIdentity(files: IdentityFiles, node: string): Promise<NodeIdentity | undefined> {
  const [key, certificate, ca] = await Promise.all([
    files.read(FILES.key),
    files.read(FILES.certificate),
    files.read(FILES.ca),
  ]);
  if (key === undefined || certificate === undefined || ca === undefined) return undefined;
  const name = nodeNameOf(certificate);
  if (name !== node) {
    throw new IdentityError(
      'damaged',
      `this data directory belongs to the node "${name}", not to "${node}": start with --name ${name}, or remove ${FILES.certificate} to join anew`,
    );
  }
  return { key, certificate, ca };
}

/** The key that was made before, so that a repeated join asks for the same thing. */
export async function readOrMakeKey(files: IdentityFiles): Promise<string> {
  const present = await files.read(FILES.key);
  if (present !== undefined) return present;
  const key = generatePrivateKey();
  await files.write(FILES.key, key);
  return key;
}

/** The certificate comes last: with it the identity is complete. */
export async function writeIdentity(files: IdentityFiles, identity: NodeIdentity): Promise<void> {
  await files.write(FILES.ca, identity.ca);
  await files.write(FILES.certificate, identity.certificate);
}

function nodeNameOf(certificate: string): string {
  try {
    const { subject } = new X509Certificate(certificate);
    return /^CN=system:node:(.+)$/m.exec(subject)?.[1] ?? '';
  } catch {
    throw new IdentityError('damaged', `${FILES.certificate} is no certificate: remove it and join anew with a token`);
  }
}
