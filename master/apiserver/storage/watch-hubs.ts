/** The hub of each kind, made when it is first needed. */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Store } from '../../store/store.ts';
import type { AnyKind } from './api-object.ts';
import { prefixOf } from './keys.ts';
import type { ObjectCache } from './object-cache.ts';
import { WatchHub } from './watch-hub.ts';

export interface WatchHubsOptions {
  store: Store;
  cache: ObjectCache;
  clock: Clock;
  logger: Logger;
}

export class WatchHubs {
  readonly #options: WatchHubsOptions;
  readonly #hubs = new Map<string, WatchHub>();

  constructor(options: WatchHubsOptions) {
    this.#options = options;
  }

  of(kind: AnyKind): WatchHub {
    const prefix = prefixOf(kind);
    let hub = this.#hubs.get(prefix);
    if (hub === undefined) {
      hub = new WatchHub({ ...this.#options, kind });
      this.#hubs.set(prefix, hub);
    }
    return hub;
  }

  /** From now on changes are remembered: whoever lists and then watches finds the watch's beginning in memory. */
  start(kinds: readonly AnyKind[]): void {
    for (const kind of kinds) this.of(kind).start();
  }

  /** Watches that are open, for metrics. */
  get watchers(): number {
    let sum = 0;
    for (const hub of this.#hubs.values()) sum += hub.watchers;
    return sum;
  }

  stop(): void {
    for (const hub of this.#hubs.values()) hub.stop();
  }
}
