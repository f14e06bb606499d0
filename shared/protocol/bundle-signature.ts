/**
 * Signs bundles with the key of a cluster's CA and checks them by its certificate, which every board pins: whoever can
 * issue certificates for boards may bring them programs, nobody else.
 */
import { sign, verify, X509Certificate } from 'node:crypto';

/** What is signed, so that a signature for something else of the same key never passes for one of a bundle. */
const PURPOSE = 'bramble bundle v1 sha256:';

/** Base64. `key`: PEM of the CA's private key. */
export function signBundle(sha256: string, key: string): string {
  return sign('sha256', Buffer.from(PURPOSE + sha256), key).toString('base64');
}

export function isSignedBy(sha256: string, signature: string, caCertificate: string): boolean {
  const { publicKey } = new X509Certificate(caCertificate);
  return verify('sha256', Buffer.from(PURPOSE + sha256), publicKey, Buffer.from(signature, 'base64'));
}
