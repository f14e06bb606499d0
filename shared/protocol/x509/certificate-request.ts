/** Certificate signing requests (PKCS #10, RFC 2986): a board makes one, the master reads and checks it. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  bitString,
  contextTag,
  DerError,
  decode,
  decodeAll,
  decodeOid,
  decodePem,
  encode,
  encodePem,
  sequence,
  TAG,
  unsignedInteger,
} from './der.ts';
import { type DistinguishedName, decodeName, encodeName } from './distinguished-name.ts';
import { ecdsaAlgorithm, encodePublicKey, readPrivateKey, signEcdsa, verifySignature } from './keys.ts';

const LABEL = 'CERTIFICATE REQUEST';

export type CertificateRequestErrorReason = 'malformed' | 'bad-signature' | 'weak-key';

export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
  readonly reason: CertificateRequestErrorReason;
  constructor(reason: CertificateRequestErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface CertificateRequest {
  subject: DistinguishedName;
  publicKey: KeyObject;
}

/** PEM; `privateKey` as `generatePrivateKey` made it. */
export function createCertificateRequest(subject: DistinguishedName, privateKey: string): string {
  const key = readPrivateKey(privateKey);
  const info = sequence(
    unsignedInteger(Buffer.from([0])),
    encodeName(subject),
    encodePublicKey(createPublicKey(key)),
    encode(contextTag(0, true)),
  );
  return encodePem(sequence(info, ecdsaAlgorithm(), bitString(signEcdsa(info, key))), LABEL);
}

/** Checks the form, the proof that the sender has the private key, and the key's strength. Throws CertificateRequestError. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  try {
    return parse(decodePem(pem, LABEL));
  } catch (error) {
    if (error instanceof CertificateRequestError) throw error;
    const why = error instanceof DerError ? error.message : 'its key cannot be read';
    throw new CertificateRequestError('malformed', `this is no certificate signing request: ${why}`);
  }
}

function parse(der: Buffer): CertificateRequest {
  const [info, algorithm, signature] = decodeAll(decode(der, TAG.sequence).contents);
  if (info?.tag !== TAG.sequence || algorithm?.tag !== TAG.sequence || signature?.tag !== TAG.bitString) {
    throw new DerError('unexpected value');
  }
  const [, subject, keyInfo] = decodeAll(info.contents);
  const [algorithmOid] = decodeAll(algorithm.contents);
  if (subject?.tag !== TAG.sequence || keyInfo?.tag !== TAG.sequence || algorithmOid?.tag !== TAG.oid) {
    throw new DerError('unexpected value');
  }
  const key = createPublicKey({ key: keyInfo.bytes, format: 'der', type: 'spki' });
  checkStrength(key);
  const proof = { key, signature: signature.contents.subarray(1) };
  if (!verifySignature(decodeOid(algorithmOid.contents), info.bytes, proof)) {
    throw new CertificateRequestError('bad-signature', 'the request is not signed by the key that it names');
  }
  return { subject: decodeName(subject.contents), publicKey: key };
}

/** Bits of an RSA key below which a request is refused. */
const MIN_RSA_BITS = 2048;

function checkStrength(key: KeyObject): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return;
  if (type === 'ec' && (details?.namedCurve === 'prime256v1' || details?.namedCurve === 'secp384r1')) return;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS) return;
  throw new CertificateRequestError(
    'weak-key',
    `the key must be EC P-256 or P-384, Ed25519, or RSA of at least ${MIN_RSA_BITS} bits`,
  );
}
