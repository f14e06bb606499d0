/**
 * Everybody who looks. The feed runs while somebody does and for a moment longer, as people reload pages; a master whom nobody
 * watches keeps no copy of the cluster for it.
 */
import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { Feed, type FeedOptions } from './feed.ts';
import { type Position, Reader } from './reader.ts';

export interface AudienceOptions extends Omit<FeedOptions, 'onChange'> {
  clock: Clock;
  logger: Logger;
}

/** Also tells the page that its data is fresh when nothing changes. */
const HEARTBEAT_MS = 3_000;

/** The feed goes on for a while after the last reader left. */
const LINGER_MS = 30_000;

export class Audience implements Component {
  readonly #options: AudienceOptions;
  readonly #readers = new Set<Reader>();
  #feed: { feed: Feed; ready: Promise<void> } | undefined;
  #heartbeat: Timer | undefined;
  #linger: Timer | undefined;
  #stopped = false;

  constructor(options: AudienceOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#readers.size;
  }

  async start(): Promise<void> {
    this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#linger?.cancel();
    for (const reader of this.#readers) reader.drop();
    await this.#dropFeed();
  }

  noteBoard(name: string): void {
    this.#feed?.feed.noteBoard(name);
  }

  welcome(socket: WebSocket, from: Position | undefined): void {
    const reader = new Reader(socket, this.#options.clock);
    this.#readers.add(reader);
    this.#linger?.cancel();
    this.#linger = undefined;
    socket.on('close', () => this.#onLeave(reader));
    const { feed, ready } = this.#ensureFeed();
    ready
      .then(() => reader.begin(feed, from))
      .catch((error: unknown) => {
        this.#options.logger.debug('a page could not be brought up to date', { error });
        reader.drop();
      });
  }

  #ensureFeed(): { feed: Feed; ready: Promise<void> } {
    if (this.#feed !== undefined) return this.#feed;
    const feed = new Feed({ ...this.#options, onChange: () => this.#wake() });
    this.#feed = { feed, ready: feed.start() };
    return this.#feed;
  }

  async #dropFeed(): Promise<void> {
    const current = this.#feed;
    this.#feed = undefined;
    await current?.feed.stop();
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  #onLeave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#stopped || this.#readers.size > 0 || this.#linger !== undefined) return;
    this.#linger = this.#options.clock.after(LINGER_MS, () => {
      this.#linger = undefined;
      if (this.#readers.size > 0) return;
      this.#dropFeed().catch((error: unknown) => this.#options.logger.warn('feed did not stop', { error }));
    });
  }

  #beat(): void {
    this.#heartbeat = this.#options.clock.after(HEARTBEAT_MS, () => {
      for (const reader of this.#readers) reader.beat();
      this.#beat();
    });
  }
}
