/**
 * One page that looks. Nothing is buffered for it: one message is under way, the next is taken from the log when that one has
 * left. A reader that falls out of the log, or that takes nothing for a while, is dropped; it comes back and begins anew.
 */
import type { WebSocket } from 'ws';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Feed } from './feed.ts';

/** Where a page was when its connection was lost. */
export interface Position {
  epoch: string;
  sequence: number;
}

/** One message may be under way this long. */
export const MAX_STALL_MS = 10_000;

/** A page that does not answer pings is gone. */
const MAX_SILENCE_MS = 30_000;

/** What a reader takes of a feed. */
export type Source = Pick<Feed, 'epoch' | 'log' | 'parts'>;

export class Reader {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #feed: Source | undefined;
  #sequence = 0;
  #sendingSinceMs: number | undefined;
  #heardMs: number;

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#heardMs = clock.monotonicMs();
    socket.on('pong', () => {
      this.#heardMs = clock.monotonicMs();
    });
  }

  /** Brings the page to where the feed is; deltas follow by `wake`. */
  async begin(feed: Source, from: Position | undefined): Promise<void> {
    const resumes =
      from?.epoch === feed.epoch && from.sequence <= feed.log.sequence && feed.log.after(from.sequence) !== 'gone';
    const sequence = resumes ? from.sequence : feed.log.sequence;
    // Taken now: what changes while the parts are sent follows from the log.
    const parts = resumes ? [] : [...feed.parts()];
    const head = { type: resumes ? 'resume' : 'reset', epoch: feed.epoch, sequence, nowMs: this.#clock.nowMs() };
    for (const text of [JSON.stringify(head), ...parts, '{"type":"ready"}']) await this.#send(text);
    this.#sequence = sequence;
    this.#feed = feed;
    this.wake();
  }

  /** There may be something new. */
  wake(): void {
    if (this.#feed === undefined || this.#sendingSinceMs !== undefined) return;
    const next = this.#feed.log.after(this.#sequence);
    if (next === 'none') return;
    if (next === 'gone') {
      this.drop();
      return;
    }
    this.#sequence = next.sequence;
    this.#send(next.text).then(
      () => this.wake(),
      () => this.drop(),
    );
  }

  /** Says that all is as it was, and finds out who is gone. */
  beat(): void {
    const nowMs = this.#clock.monotonicMs();
    const isStalled = this.#sendingSinceMs !== undefined && nowMs - this.#sendingSinceMs > MAX_STALL_MS;
    if (isStalled || nowMs - this.#heardMs > MAX_SILENCE_MS) {
      this.drop();
      return;
    }
    this.#socket.ping();
    if (this.#feed === undefined || this.#sendingSinceMs !== undefined) return;
    this.#send(`{"type":"beat","nowMs":${this.#clock.nowMs()}}`).then(
      () => this.wake(),
      () => this.drop(),
    );
  }

  drop(): void {
    this.#socket.terminate();
  }

  #send(text: string): Promise<void> {
    this.#sendingSinceMs = this.#clock.monotonicMs();
    return new Promise((resolve, reject) => {
      this.#socket.send(text, (error) => {
        this.#sendingSinceMs = undefined;
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
