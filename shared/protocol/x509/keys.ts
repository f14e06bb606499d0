/** Private keys and signatures. Elliptic curve P-256: small, quick on a Pi, and understood by every client. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { oid, sequence } from './der.ts';

/** ecdsa-with-SHA256 (RFC 5758, section 3.2). */
export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** What a certificate request may be signed with, and the hash of each; null: the algorithm has its own. */
const HASHES: Readonly<Record<string, string | null>> = {
  [ECDSA_WITH_SHA256]: 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};

/** PKCS #8, PEM. Keep it in a file of mode 0600. */
export function generatePrivateKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

export function readPrivateKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

/** SubjectPublicKeyInfo. */
export function encodePublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

export function signEcdsa(bytes: Uint8Array, key: KeyObject): Buffer {
  return sign('sha256', bytes, key);
}

export function ecdsaAlgorithm(): Buffer {
  return sequence(oid(ECDSA_WITH_SHA256));
}

/** False for an algorithm that is unknown or too weak. */
export function verifySignature(
  algorithm: string,
  bytes: Uint8Array,
  proof: { key: KeyObject; signature: Buffer },
): boolean {
  const hash = HASHES[algorithm];
  return hash !== undefined && verify(hash, bytes, proof.key, proof.signature);
}
