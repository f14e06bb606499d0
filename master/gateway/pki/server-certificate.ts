/**
 * The one certificate that both doors show. Invariant: while it is started, the certificate covers every name and address
 * that clients may dial, and is renewed long before its end.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { defined } from '../../../shared/platform/assert.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { MASTER_SERVER_NAME } from '../../../shared/protocol/join-token.ts';
import type { Unsubscribe } from '../../../shared/protocol/transport.ts';
import { readPrivateKey } from '../../../shared/protocol/x509/keys.ts';
import type { CertificateAuthority, KeyPair, ServerNames } from './certificate-authority.ts';
import type { PkiFiles } from './pki-files.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Renewed when less than this is left. */
export const RENEWAL_MARGIN_MS = 60 * DAY_MS;

/** DHCP may change addresses; the clock of a board jumps when it gets the time. */
export const CHECK_INTERVAL_MS = 60_000;

const FIXED_NAMES = [
  MASTER_SERVER_NAME,
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
] as const;

const FIXED_ADDRESSES = ['127.0.0.1', '::1'] as const;

export interface ServerCertificateOptions {
  authority: CertificateAuthority;
  files: PkiFiles;
  hostname: string;
  /** Addresses of this machine by which clients may dial, the API's own service address among them. Asked at each check. */
  addresses(): readonly string[];
  clock: Clock;
  logger: Logger;
}

export interface ServerCertificate extends Component {
  /** Present once started. */
  current(): KeyPair;
  onChange(listener: (pair: KeyPair) => void): Unsubscribe;
}

export function createServerCertificate(options: ServerCertificateOptions): ServerCertificate {
  return new Keeper(options);
}

class Keeper implements ServerCertificate {
  readonly #options: ServerCertificateOptions;
  readonly #listeners = new Set<(pair: KeyPair) => void>();
  #pair: KeyPair | undefined;
  #timer: Timer | undefined;
  #checking: Promise<void> = Promise.resolve();

  constructor(options: ServerCertificateOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { files } = this.#options;
    const [key, cert] = [await files.read('server.key'), await files.read('server.crt')];
    if (key !== undefined && cert !== undefined) this.#pair = { key, cert };
    await this.#check();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#checking;
  }

  current(): KeyPair {
    return defined(this.#pair, 'server certificate, once started,');
  }

  onChange(listener: (pair: KeyPair) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(CHECK_INTERVAL_MS, () => {
      this.#checking = this.#check()
        .catch((error) => this.#options.logger.error('the server certificate could not be renewed', { error }))
        .finally(() => this.#arm());
    });
  }

  async #check(): Promise<void> {
    const { authority, files, logger } = this.#options;
    const names = computeServerNames(this.#options.hostname, this.#options.addresses());
    if (this.#pair !== undefined && isGood(authority, this.#pair, names)) return;
    const pair = authority.issueServerCertificate(names);
    await files.writePrivate('server.key', pair.key);
    await files.writePublic('server.crt', pair.cert);
    this.#pair = pair;
    logger.info('made a new server certificate', { names: [...names.dnsNames, ...names.ipAddresses] });
    for (const listener of [...this.#listeners]) listener(pair);
  }
}

/** Names and addresses that the certificate must cover. */
export function computeServerNames(hostname: string, addresses: readonly string[]): ServerNames {
  const own = hostname === '' || isIP(hostname) !== 0 ? [] : [hostname, `${hostname.split('.')[0]}.local`];
  const plain = addresses.map((address) => address.split('%')[0] ?? '').filter((address) => isIP(address) !== 0);
  return {
    dnsNames: [...new Set([...FIXED_NAMES, ...own])],
    ipAddresses: [...new Set([...FIXED_ADDRESSES, ...plain])],
  };
}

/** Addresses that are gone do no harm: only what is missing makes a new one. */
function isGood(authority: CertificateAuthority, { key, cert }: KeyPair, names: ServerNames): boolean {
  if (!authority.isValid(cert, RENEWAL_MARGIN_MS)) return false;
  const certificate = new X509Certificate(cert);
  return (
    belongsTo(certificate, key) &&
    names.dnsNames.every((name) => certificate.checkHost(name, { subject: 'never' }) !== undefined) &&
    names.ipAddresses.every((address) => certificate.checkIP(address) !== undefined)
  );
}

/** Key and certificate are two files: after a power cut between them they may not fit. */
function belongsTo(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(readPrivateKey(key));
  } catch {
    return false;
  }
}
