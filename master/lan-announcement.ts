/** Tells the LAN by multicast DNS where the master is, so that agents find it without being told. */
import { createHash, X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../shared/platform/clock.ts';
import type { Component } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import { renderMaster } from '../shared/protocol/mdns/bramble-service.ts';
import type { Multicast } from '../shared/protocol/mdns/multicast.ts';
import { MdnsResponder } from '../shared/protocol/mdns/responder.ts';

export interface LanAnnouncementOptions {
  multicast: Multicast;
  hostname: string;
  mqttPort: number;
  apiPort: number;
  /** Of the cluster, PEM. */
  caCertificate: string;
  /** Of this machine, now; none: the master is not to be reached from the LAN. */
  addresses(): readonly string[];
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Another network may have given the machine other addresses. */
const LOOK_INTERVAL_MS = 30_000;

/** Names that somebody else has had; further ones are not tried. */
const MAX_ATTEMPTS = 10;

export class LanAnnouncement implements Component {
  readonly #options: LanAnnouncementOptions;
  readonly #responder: MdnsResponder;
  readonly #caHash: string;
  #attempt = 0;
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(options: LanAnnouncementOptions) {
    this.#options = options;
    this.#caHash = createHash('sha256').update(new X509Certificate(options.caCertificate).raw).digest('hex');
    this.#responder = new MdnsResponder({ ...options, onConflict: () => this.#onConflict() });
  }

  /** A machine that has no multicast has a master all the same. */
  async start(): Promise<void> {
    this.#look();
    try {
      await this.#responder.start();
      this.#isRunning = true;
    } catch (error) {
      this.#timer?.cancel();
      this.#options.logger.warn('the LAN is not told where the master is', { error });
    }
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    if (this.#isRunning) await this.#responder.stop();
    this.#isRunning = false;
  }

  #look(): void {
    const { addresses, clock, hostname, mqttPort, apiPort } = this.#options;
    const present = addresses();
    const told = { hostname, mqttPort, apiPort, caHash: this.#caHash, attempt: this.#attempt, addresses: present };
    this.#responder.setRecords(present.length === 0 ? [] : renderMaster(told));
    this.#timer = clock.after(LOOK_INTERVAL_MS, () => this.#look());
  }

  #onConflict(): void {
    if (this.#attempt >= MAX_ATTEMPTS) return;
    this.#attempt += 1;
    this.#timer?.cancel();
    this.#look();
  }
}
