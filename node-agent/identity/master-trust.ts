/**
 * Whether the server at the other end is the master. Usually OpenSSL decides, by the CA and this board's clock. When the
 * clock is what speaks against the certificate, the board asks the master for the time, over the CA's key, and judges the
 * dates by that: a board without a clock connects, and a certificate that has really ended does not count.
 */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { MASTER_SERVER_NAME } from '../../shared/protocol/join-token.ts';
import type { MqttConnection, MqttFailure } from '../../shared/protocol/mqtt-transport.ts';
import { complaintAboutDates, complaintAboutIssuer } from './master-certificate.ts';
import type { MasterTime } from './master-time.ts';
import type { MasterAddress } from './presented-ca.ts';

export interface MasterTrustOptions {
  master: MasterAddress;
  /** PEM. */
  ca: string;
  /** A moment that is certainly past. */
  earliestMs: number;
  /** Adapter, see `askMasterTime`. */
  askTime(address: MasterAddress, ca: X509Certificate): Promise<MasterTime>;
  clock: Clock;
  logger: Logger;
}

/** Clocks differ by so much. */
const WORTH_TELLING_SECONDS = 60;

/** OpenSSL's words for dates that this board's clock is outside of. */
const DATE_CODES: readonly (string | undefined)[] = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

export function isAboutDates({ code }: Pick<MqttFailure, 'code'>): boolean {
  return DATE_CODES.includes(code);
}

export class MasterTrust {
  readonly #options: MasterTrustOptions;
  readonly #ca: X509Certificate;
  /** The master's time when it was asked, beside this board's clock that never jumps. */
  #asked: { masterMs: number; monotonicMs: number } | undefined;
  #asking: Promise<boolean> | undefined;

  constructor(options: MasterTrustOptions) {
    this.#options = options;
    this.#ca = new X509Certificate(options.ca);
  }

  /** The master's time where it had to be asked, this board's elsewhere. */
  nowMs(): number {
    const { clock } = this.#options;
    return this.#asked === undefined
      ? clock.nowMs()
      : this.#asked.masterMs + clock.monotonicMs() - this.#asked.monotonicMs;
  }

  /** How the next connection is to be made, before credentials are added. */
  connection(): MqttConnection & { tls: NonNullable<MqttConnection['tls']> } {
    const tls = { ca: this.#options.ca, servername: MASTER_SERVER_NAME };
    const base = { ...this.#options.master, tls };
    return this.#asked === undefined ? base : { ...base, verify: (socket) => this.#judge(socket) };
  }

  /** Whether an attempt failed only because of this board's clock: the master has told the time, the next one may go well. */
  async overcomes(failure: MqttFailure): Promise<boolean> {
    return isAboutDates(failure) && this.learnTime();
  }

  /** Asks the master for the time, whatever this board's clock says: it may be wrong without being in anybody's way. */
  learnTime(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    const { master, askTime, clock, logger, earliestMs } = this.#options;
    try {
      const { nowMs: masterMs, certificate } = await askTime(master, this.#ca);
      const complaint = complaintAboutDates(certificate, { masterMs, earliestMs });
      if (complaint !== undefined) throw new Error(complaint);
      this.#asked = { masterMs, monotonicMs: clock.monotonicMs() };
      const wrongBySeconds = Math.round((clock.nowMs() - masterMs) / 1000);
      if (Math.abs(wrongBySeconds) < WORTH_TELLING_SECONDS) return true;
      logger.warn("this board's clock is wrong: the master's time counts for certificates", { wrongBySeconds });
      return true;
    } catch (error) {
      logger.debug("the master's certificate does not count by this board's clock, nor by the master's", { error });
      return false;
    }
  }

  #judge(socket: TLSSocket): Error | undefined {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return new Error('the server shows no certificate');
    const dates = { masterMs: this.nowMs(), earliestMs: this.#options.earliestMs };
    const complaint = complaintAboutIssuer(certificate, this.#ca) ?? complaintAboutDates(certificate, dates);
    return complaint === undefined ? undefined : Object.assign(new Error(complaint), { code: 'CERT_UNTRUSTED' });
  }
}
