/**
 * Hands messages to the subscriptions of a topic: what aedes asks of a mqemitter, for one process. Invariant: a listener is
 * called once for each of its filters that match. Nothing is queued: who does not keep up is the delivery's business.
 */
import { TopicTrie } from './topic-trie.ts';

export interface EmittedPacket {
  topic: string;
}

export type EmitterListener<P> = (packet: P, done: () => void) => void;

/** Topics whose listeners are remembered: most messages come on few topics. */
const MAX_REMEMBERED_TOPICS = 2_048;

export class TopicEmitter<P extends EmittedPacket> {
  readonly #trie = new TopicTrie<EmitterListener<P>>();
  /** Emptied with each change of the subscriptions. */
  readonly #remembered = new Map<string, readonly EmitterListener<P>[]>();
  #closed = false;

  on(filter: string, listener: EmitterListener<P>, done?: () => void): this {
    this.#trie.add(filter, listener);
    this.#remembered.clear();
    if (done !== undefined) queueMicrotask(done);
    return this;
  }

  removeListener(filter: string, listener: EmitterListener<P>, done?: () => void): this {
    this.#trie.remove(filter, listener);
    this.#remembered.clear();
    if (done !== undefined) queueMicrotask(done);
    return this;
  }

  /** `done` when each listener is done, or at once when nobody listens. */
  emit(packet: P, done?: (error?: Error) => void): this {
    if (this.#closed) {
      done?.(new Error('the broker has ended'));
      return this;
    }
    const listeners = this.#listenersOf(packet.topic);
    let waiting = listeners.length;
    if (waiting === 0) {
      done?.();
      return this;
    }
    const one = (): void => {
      waiting -= 1;
      if (waiting === 0) done?.();
    };
    for (const listener of listeners) listener(packet, one);
    return this;
  }

  close(done: () => void): void {
    this.#closed = true;
    queueMicrotask(done);
  }

  #listenersOf(topic: string): readonly EmitterListener<P>[] {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const listeners = this.#trie.match(topic);
    if (this.#remembered.size >= MAX_REMEMBERED_TOPICS) this.#remembered.clear();
    this.#remembered.set(topic, listeners);
    return listeners;
  }
}
