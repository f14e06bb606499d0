/**
 * The cluster's own certificate authority: made at the first start, kept for ever. Invariant: its key never leaves the
 * directory it was made in, and what it signs says no more than its caller checked.
 */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { assert } from '../../../shared/platform/assert.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { computeCaHash } from '../../../shared/protocol/join-token.ts';
import { type CertificateUsage, createCertificate } from '../../../shared/protocol/x509/certificate.ts';
import { parseCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import type { DistinguishedName } from '../../../shared/protocol/x509/distinguished-name.ts';
import { generatePrivateKey, readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { PkiError, type PkiFiles } from './pki-files.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Certificates begin this long ago, because clocks of boards differ and a master may have none at its first boot. */
export const BACKDATE_MS = DAY_MS;

export const CA_VALIDITY_MS = 20 * 365 * DAY_MS;
export const DEFAULT_VALIDITY_MS = 365 * DAY_MS;

/** Nobody gets a longer one by a request. */
export const MAX_REQUESTED_VALIDITY_MS = 2 * DEFAULT_VALIDITY_MS;
export const MIN_REQUESTED_VALIDITY_MS = 10 * 60 * 1000;

const SERIAL_BYTES = 16;

/** A private key and its certificate, both PEM. */
export interface KeyPair {
  key: string;
  cert: string;
}

export interface ServerNames {
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
}

export interface SigningOptions {
  usages: readonly CertificateUsage[];
  /** DEFAULT_VALIDITY_MS unless given; kept within the bounds above. */
  validityMs?: number;
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  /** As join tokens carry it. */
  readonly hash: string;
  issueServerCertificate(names: ServerNames): KeyPair;
  issueClientCertificate(subject: DistinguishedName, validityMs?: number): KeyPair;
  /**
   * Signs with the subject of the request: whether that may be is the caller's decision. Returns PEM; throws
   * CertificateRequestError when the request is malformed, not signed by its own key, or its key is weak.
   */
  signCertificateRequest(pem: string, options: SigningOptions): string;
  /** Whether this authority signed the certificate, and it counts for at least `marginMs` more. */
  isValid(certificate: string, marginMs: number): boolean;
}

export interface CertificateAuthorityOptions {
  files: PkiFiles;
  clock: Pick<Clock, 'nowMs'>;
  /** For serial numbers. */
  random: Random;
}

/** Reads `ca.key` and `ca.crt`, or makes them. */
export async function openCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
  const { files } = options;
  const key = await files.read('ca.key');
  const certificate = await files.read('ca.crt');
  if (key !== undefined && certificate !== undefined) return new Authority(options, key, certificate);
  if (certificate !== undefined) {
    throw new PkiError(
      'damaged',
      'ca.crt is there without ca.key: restore the key, or remove both to make a new cluster',
    );
  }
  return createAuthority(options, key ?? generatePrivateKey());
}

/** The key is written first: a crash between the two is repaired by the next start. */
async function createAuthority(options: CertificateAuthorityOptions, key: string): Promise<CertificateAuthority> {
  const { files, clock, random } = options;
  const privateKey = readPrivateKey(key);
  const serial = randomBytes(random, SERIAL_BYTES);
  const subject = { commonName: `bramble-ca-${serial.toString('hex').slice(0, 8)}`, organizations: [] };
  const certificate = createCertificate({
    subject,
    publicKey: createPublicKey(privateKey),
    issuer: { subject, privateKey },
    serial,
    notBeforeMs: clock.nowMs() - BACKDATE_MS,
    notAfterMs: clock.nowMs() + CA_VALIDITY_MS,
    use: 'ca',
  });
  await files.writePrivate('ca.key', key);
  await files.writePublic('ca.crt', certificate);
  return new Authority(options, key, certificate);
}

class Authority implements CertificateAuthority {
  readonly certificate: string;
  readonly hash: string;
  readonly #options: CertificateAuthorityOptions;
  readonly #privateKey: KeyObject;
  readonly #parsed: X509Certificate;
  readonly #subject: DistinguishedName;

  constructor(options: CertificateAuthorityOptions, key: string, certificate: string) {
    this.#options = options;
    this.certificate = certificate;
    try {
      this.#privateKey = readPrivateKey(key);
      this.#parsed = new X509Certificate(certificate);
    } catch {
      throw new PkiError('damaged', 'ca.key or ca.crt cannot be read: restore both from one backup');
    }
    if (!this.#parsed.checkPrivateKey(this.#privateKey)) {
      throw new PkiError('damaged', 'ca.key does not belong to ca.crt: restore both from one backup');
    }
    this.hash = computeCaHash(this.#parsed.raw);
    this.#subject = { commonName: commonNameOf(this.#parsed), organizations: [] };
  }

  issueServerCertificate({ dnsNames, ipAddresses }: ServerNames): KeyPair {
    const subject = { commonName: 'bramble-master', organizations: [] };
    return this.#issue({ subject, use: ['server auth'], validityMs: DEFAULT_VALIDITY_MS, dnsNames, ipAddresses });
  }

  issueClientCertificate(subject: DistinguishedName, validityMs = DEFAULT_VALIDITY_MS): KeyPair {
    return this.#issue({ subject, use: ['client auth'], validityMs });
  }

  signCertificateRequest(pem: string, { usages, validityMs = DEFAULT_VALIDITY_MS }: SigningOptions): string {
    const { subject, publicKey } = parseCertificateRequest(pem);
    const bounded = Math.min(Math.max(validityMs, MIN_REQUESTED_VALIDITY_MS), MAX_REQUESTED_VALIDITY_MS);
    return this.#sign(publicKey, { subject, use: usages, validityMs: bounded });
  }

  isValid(certificate: string, marginMs: number): boolean {
    try {
      const parsed = new X509Certificate(certificate);
      const nowMs = this.#options.clock.nowMs();
      const isOurs = parsed.checkIssued(this.#parsed) && parsed.verify(this.#parsed.publicKey);
      return isOurs && parsed.validFromDate.getTime() <= nowMs && parsed.validToDate.getTime() - marginMs > nowMs;
    } catch {
      return false; // not a certificate
    }
  }

  #issue(contents: Contents): KeyPair {
    const key = generatePrivateKey();
    return { key, cert: this.#sign(createPublicKey(readPrivateKey(key)), contents) };
  }

  #sign(publicKey: KeyObject, { validityMs, ...contents }: Contents): string {
    const { clock, random } = this.#options;
    return createCertificate({
      ...contents,
      publicKey,
      issuer: { subject: this.#subject, privateKey: this.#privateKey },
      serial: randomBytes(random, SERIAL_BYTES),
      notBeforeMs: clock.nowMs() - BACKDATE_MS,
      notAfterMs: clock.nowMs() + validityMs,
    });
  }
}

interface Contents extends Partial<ServerNames> {
  subject: DistinguishedName;
  use: readonly CertificateUsage[];
  validityMs: number;
}

function commonNameOf(certificate: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  assert(name !== undefined, 'ca.crt has no common name');
  return name;
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.nextUint32() & 0xff));
}
