/**
 * Knows what was sent to the other broker a moment ago, so that it does not go round when it comes back from there. Only for
 * brokers that do not know MQTT 5; equal messages are counted, not merged.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../shared/platform/clock.ts';

/** An echo comes back by then, or it is a message of its own. */
const ECHO_MS = 5_000;

const MAX_REMEMBERED = 5_000;

export class EchoGuard {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Times of sending, by message; the oldest first. */
  readonly #sent = new Map<string, number[]>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  sent(topic: string, payload: Uint8Array): void {
    const key = keyOf(topic, payload);
    const times = this.#sent.get(key) ?? [];
    times.push(this.#clock.monotonicMs());
    this.#sent.delete(key);
    this.#sent.set(key, times);
    this.#forgetOld();
  }

  /** True once for each time it was sent. */
  isEcho(topic: string, payload: Uint8Array): boolean {
    this.#forgetOld();
    const key = keyOf(topic, payload);
    const times = this.#sent.get(key);
    if (times === undefined) return false;
    times.shift();
    if (times.length === 0) this.#sent.delete(key);
    return true;
  }

  #forgetOld(): void {
    const endMs = this.#clock.monotonicMs() - ECHO_MS;
    for (const [key, times] of this.#sent) {
      const isOld = (times.at(-1) ?? 0) < endMs;
      if (!isOld && this.#sent.size <= MAX_REMEMBERED) return;
      this.#sent.delete(key);
    }
  }
}

function keyOf(topic: string, payload: Uint8Array): string {
  return createHash('sha1').update(topic).update('\0').update(payload).digest('base64');
}
