/** X.509 certificates (RFC 5280), written with an ECDSA key. Node's own X509Certificate reads and verifies them. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { isIPv4 } from 'node:net';
import {
  bitString,
  boolean,
  contextTag,
  encode,
  encodePem,
  octetString,
  oid,
  sequence,
  time,
  unsignedInteger,
} from './der.ts';
import { type DistinguishedName, encodeName } from './distinguished-name.ts';
import { ecdsaAlgorithm, encodePublicKey, signEcdsa } from './keys.ts';

export type CertificateUsage = 'client auth' | 'server auth';

export interface CertificateOptions {
  subject: DistinguishedName;
  publicKey: KeyObject;
  issuer: { subject: DistinguishedName; privateKey: KeyObject };
  /** 16 random bytes: never the same twice from one issuer. */
  serial: Uint8Array;
  notBeforeMs: number;
  notAfterMs: number;
  /** A CA that may sign end certificates only; the others are for these uses. */
  use: 'ca' | readonly CertificateUsage[];
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
}

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

const EXTENDED_USAGES: Record<CertificateUsage, string> = {
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
};

/** PEM. */
export function createCertificate(options: CertificateOptions): string {
  const { issuer, serial, subject, publicKey, notBeforeMs, notAfterMs } = options;
  const toBeSigned = sequence(
    encode(contextTag(0, true), unsignedInteger(Buffer.from([2]))), // version 3
    unsignedInteger(serial),
    ecdsaAlgorithm(),
    encodeName(issuer.subject),
    sequence(time(notBeforeMs), time(notAfterMs)),
    encodeName(subject),
    encodePublicKey(publicKey),
    encode(contextTag(3, true), sequence(...extensions(options))),
  );
  const signature = signEcdsa(toBeSigned, issuer.privateKey);
  return encodePem(sequence(toBeSigned, ecdsaAlgorithm(), bitString(signature)), 'CERTIFICATE');
}

function extensions(options: CertificateOptions): Buffer[] {
  const { use, publicKey, issuer } = options;
  const isCa = use === 'ca';
  const names = alternativeNames(options);
  return [
    extension(
      OID.basicConstraints,
      true,
      isCa ? sequence(boolean(true), unsignedInteger(Buffer.from([0]))) : sequence(),
    ),
    extension(OID.keyUsage, true, isCa ? bitString(Buffer.from([0b0000_0110]), 1) : endKeyUsage(publicKey)),
    ...(isCa ? [] : [extension(OID.extendedKeyUsage, false, sequence(...use.map((one) => oid(EXTENDED_USAGES[one]))))]),
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey))),
    extension(OID.authorityKeyIdentifier, false, authorityKeyIdentifier(issuer.privateKey)),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, false, sequence(...names))]),
  ];
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** digitalSignature, and keyEncipherment where the key can do it. */
function endKeyUsage(publicKey: KeyObject): Buffer {
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  return bitString(Buffer.from([isRsa ? 0b1010_0000 : 0b1000_0000]), isRsa ? 5 : 7);
}

/** SHA-1 of the public key, as RFC 5280, section 4.2.1.2, proposes: a name for the key, not a protection. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1').update(encodePublicKey(key)).digest();
}

function authorityKeyIdentifier(issuerKey: KeyObject): Buffer {
  return sequence(encode(contextTag(0, false), keyIdentifier(createPublicKey(issuerKey))));
}

function alternativeNames({ dnsNames = [], ipAddresses = [] }: CertificateOptions): Buffer[] {
  return [
    ...dnsNames.map((name) => encode(contextTag(2, false), Buffer.from(name, 'ascii'))),
    ...ipAddresses.map((address) => encode(contextTag(7, false), encodeAddress(address))),
  ];
}

/** 4 or 16 bytes. */
function encodeAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [text = ''] = address.split('%');
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').flatMap(encodeGroup));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  return Buffer.from([...left, ...Array.from({ length: 16 - left.length - right.length }, () => 0), ...right]);
}

/** `fe80`, or the dotted end of `::ffff:10.0.0.1`. */
function encodeGroup(group: string): number[] {
  if (group.includes('.')) return group.split('.').map(Number);
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
