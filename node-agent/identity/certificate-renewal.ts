/**
 * Renews the node's certificate after two thirds of its life, over the node's own connection: a new key, a request that the
 * master grants because the node itself asks, and one file that is replaced. A renewal that is interrupted anywhere is taken
 * up again; until it is done the old certificate counts.
 */
import { X509Certificate } from 'node:crypto';
import type { Client } from '../../shared/client/client.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, formatTime, sleep } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { nextFloat, type Random } from '../../shared/platform/random.ts';
import { IdentityError, type IdentityFiles } from './identity-files.ts';
import { forgetRequest, type NodeIdentity, readOrMakeKey, writeIdentity } from './node-identity.ts';
import { requestCertificate } from './request-certificate.ts';
import { hasEnded } from './return-to-cluster.ts';

export interface CertificateRenewalOptions {
  node: string;
  client: Client;
  files: IdentityFiles;
  identity(): NodeIdentity;
  /** What is sealed by the node's key has to be opened by each of these from now on. */
  protectStorage(nodeKeys: readonly string[]): Promise<void>;
  /** The identity is another from now on. */
  onRenewed(identity: NodeIdentity): void;
  /** Asks where the node's own connection cannot be made any more, as its certificate has ended; PEM for the key. */
  returnToCluster(key: string, signal: AbortSignal): Promise<string>;
  /** The time by which certificates are judged. */
  nowMs(): number;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const RENEW_AT = 2 / 3;

/** Boards that joined together do not renew together. */
const SPREAD = 0.05;

/** The clock may have been set meanwhile. */
const MAX_SLEEP_MS = 6 * 3_600_000;

const RETRY: BackoffPolicy = { initialMs: 60_000, maxMs: 3_600_000, factor: 2, jitter: 0.3 };

export class CertificateRenewal implements Component {
  readonly #options: CertificateRenewalOptions;
  readonly #abort = new AbortController();
  #wake = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: CertificateRenewalOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  /** The time may be another than was thought, or the master has refused the certificate: looks now whether it is due. */
  lookNow(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { random, identity, nowMs } = this.#options;
    const { signal } = this.#abort;
    let obtainedMs = 0;
    const share = RENEW_AT + SPREAD * (2 * nextFloat(random) - 1);
    for (let failures = 0; !signal.aborted; ) {
      const dueInMs = computeRenewalMs(identity().certificate, { obtainedMs, share }) - nowMs();
      if (dueInMs > 0) {
        await this.#sleep(Math.min(dueInMs, MAX_SLEEP_MS));
      } else if (await this.#renew()) {
        obtainedMs = nowMs();
        failures = 0;
      } else {
        await this.#sleep(computeBackoffMs(RETRY, failures, random));
        failures += 1;
      }
    }
  }

  async #sleep(delayMs: number): Promise<void> {
    this.#wake = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, this.#wake.signal]);
    await sleep(this.#options.clock, delayMs, signal).catch(() => undefined);
  }

  async #renew(): Promise<boolean> {
    const { node, client, files, identity, clock, random, logger, nowMs, returnToCluster } = this.#options;
    const { signal } = this.#abort;
    try {
      // A renewal that was cut off at its very end has left the key that counts now.
      if ((await readOrMakeKey(files)) === identity().key) await forgetRequest(files);
      const key = await readOrMakeKey(files);
      const certificate = hasEnded(identity(), nowMs())
        ? await returnToCluster(key, signal)
        : await requestCertificate({ client, node, key, clock, random, signal });
      await this.#replace({ ...identity(), key, certificate });
      const until = formatTime(new X509Certificate(certificate).validToDate.getTime());
      logger.info("renewed the node's certificate", { until });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      // Refused, or the key was not the one of the certificate: the next request is another one.
      if (error instanceof IdentityError && error.reason === 'denied')
        await forgetRequest(files).catch(() => undefined);
      logger.warn("the node's certificate cannot be renewed yet, will try again", { error });
      return false;
    }
  }

  /** In an order that a power cut at any point leaves a whole identity, and a storage that opens with it. */
  async #replace(next: NodeIdentity): Promise<void> {
    const { files, identity, protectStorage, onRenewed } = this.#options;
    await protectStorage([identity().key, next.key]);
    await writeIdentity(files, next);
    await protectStorage([next.key]);
    onRenewed(next);
  }
}

/**
 * When to renew, in milliseconds since the epoch, after this share of its life. Certificates begin before they are made,
 * because clocks differ: for one that was obtained by this process, life begins then.
 */
export function computeRenewalMs(
  certificate: string,
  { obtainedMs, share }: { obtainedMs: number; share: number },
): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const fromMs = Math.max(validFromDate.getTime(), obtainedMs);
  return fromMs + (validToDate.getTime() - fromMs) * share;
}
