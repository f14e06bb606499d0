/**
 * Confirms a version on trial once its node has been ready for a while, in the master's eyes too. Where that does not happen in
 * time update.sh takes the version back; nothing in here has to work for that.
 */
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Installation } from './installation.ts';

export interface TrialKeeperOptions {
  installation: Pick<Installation, 'isOnTrial' | 'confirm'>;
  /** Whether the master says that this node is ready; rejections count as no. */
  isReady(): Promise<boolean>;
  clock: Clock;
  logger: Logger;
}

const LOOK_INTERVAL_MS = 4_000;

/** A version that is ready for a moment only does not count. */
const LOOKS_NEEDED = 4;

export class TrialKeeper implements Component {
  readonly #options: TrialKeeperOptions;
  readonly #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: TrialKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { installation, logger } = this.#options;
    if (!(await installation.isOnTrial())) return;
    logger.info('this version is on trial until the node is ready');
    this.#work = this.#keep().catch((error) => {
      if (!this.#abort.signal.aborted) logger.error('the version on trial cannot be confirmed', { error });
    });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#work;
  }

  async #keep(): Promise<void> {
    const { installation, isReady, clock, logger } = this.#options;
    for (let good = 0; good < LOOKS_NEEDED; ) {
      await sleep(clock, LOOK_INTERVAL_MS, this.#abort.signal);
      good = (await isReady().catch(() => false)) ? good + 1 : 0;
    }
    await installation.confirm();
    logger.info('the node is ready: this version stays');
  }
}
