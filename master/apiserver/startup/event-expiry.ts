/**
 * Events live for an hour after they were last written. One timer, set only while there are events: an idle cluster does
 * nothing. Deletes are gathered, so that they cost few commits.
 */
import type { Event } from '../../../shared/api/event.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { type AnyKind, type ApiObject, asKind } from '../storage/api-object.ts';
import type { Change } from '../storage/change.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Subscriber } from '../storage/subscribers.ts';
import type { WatchHub } from '../storage/watch-hub.ts';

export const EVENT_TTL_MS = 60 * 60_000;

/** Expired events wait this long for others, so that they are deleted together. */
const GATHER_MS = 60_000;

/** Events deleted at once; their commits are gathered by the store. */
const MAX_PARALLEL_DELETES = 64;

export interface EventExpiryOptions {
  kind: AnyKind;
  objects: ObjectStore;
  hub: WatchHub;
  clock: Clock;
  logger: Logger;
}

interface Written {
  atMs: number;
  object: ApiObject;
}

export class EventExpiry implements Component, Subscriber {
  readonly #options: EventExpiryOptions;
  /** When each event was last written, oldest first, in monotonic time: the wall clock of a board may jump. */
  readonly #written = new Map<string, Written>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: EventExpiryOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { hub, objects, kind, clock } = this.#options;
    do {
      hub.start();
      this.#written.clear();
      const { items, revision } = await objects.list(kind, { namespace: '' });
      const written = items.map(({ key, object }) => ({
        key,
        object,
        atMs: clock.monotonicMs() - ageMs(kind, object, clock),
      }));
      for (const { key, ...entry } of written.sort((a, b) => a.atMs - b.atMs)) this.#written.set(key, entry);
      if (hub.attach(this, revision, undefined)) break;
    } while (!this.#stopped);
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#options.hub.detach(this, undefined);
  }

  onChange({ key, object }: Change): void {
    this.#written.delete(key);
    if (object !== undefined) this.#written.set(key, { atMs: this.#options.clock.monotonicMs(), object });
    this.#arm();
  }

  onProgress(): void {
    // Nothing to resume from.
  }

  onEnd(): void {
    if (!this.#stopped)
      this.start().catch((error) => this.#options.logger.warn('expiry of events has ended', { error }));
  }

  #arm(): void {
    const [oldest] = this.#written.values();
    if (oldest === undefined || this.#timer !== undefined || this.#stopped) return;
    const dueMs = oldest.atMs + EVENT_TTL_MS - this.#options.clock.monotonicMs();
    this.#timer = this.#options.clock.after(Math.max(dueMs, 0) + GATHER_MS, () => void this.#sweep());
  }

  async #sweep(): Promise<void> {
    const { clock, objects, kind, logger } = this.#options;
    try {
      const expired = this.#expired(clock.monotonicMs() - EVENT_TTL_MS);
      const results = await Promise.all(expired.map(([, { object }]) => objects.remove(kind, object)));
      // One that was written meanwhile has another revision and a new hour.
      for (const [index, [key, entry]] of expired.entries()) {
        if (results[index]?.ok && this.#written.get(key) === entry) this.#written.delete(key);
      }
    } catch (error) {
      logger.warn('expired events were not deleted', { error });
    } finally {
      this.#timer = undefined;
      this.#arm();
    }
  }

  #expired(beforeMs: number): [string, Written][] {
    const expired: [string, Written][] = [];
    for (const entry of this.#written) {
      if (entry[1].atMs > beforeMs || expired.length === MAX_PARALLEL_DELETES) break;
      expired.push(entry);
    }
    return expired;
  }
}

/** Since the event was last written, as far as its own times tell; never more than its life. */
function ageMs(kind: AnyKind, object: ApiObject, clock: Clock): number {
  const { series, lastTimestamp, eventTime, metadata } = asKind<Event>(kind, object);
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  const lastMs = Math.max(0, ...times.map((time) => parseTime(time) ?? 0));
  return Math.min(Math.max(0, clock.nowMs() - lastMs), EVENT_TTL_MS);
}
