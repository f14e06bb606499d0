/**
 * A message of QoS 1 is confirmed when it is kept and handed on, never before (MQTT 3.1.1, section 4.3.2: a PUBACK says that
 * the receiver owns the message). aedes confirms first and stores in a later turn of the event loop: what ended in between,
 * however gracefully, had lost what the sender believed safe. Adapter to parts of aedes that its types leave out.
 */
import type { PublishPacket } from 'aedes';
import type { TopicEmitter } from './emitter.ts';
import type { BrokerPersistence } from './persistence/broker-persistence.ts';
import type { BrokerPacket } from './quick-path.ts';

/** What of aedes is used beyond its types: `publish` is what it calls when it has confirmed. */
export interface PublishingBroker {
  publish(packet: object, ...rest: unknown[]): void;
}

export interface AcceptanceOptions {
  kept: Pick<BrokerPersistence, 'keep' | 'isClosed'>;
  emitter: TopicEmitter<BrokerPacket>;
  /** Counts messages for the whole broker. */
  nextCounter(): { brokerId: string; brokerCounter: number };
}

export class Acceptance {
  readonly #options: AcceptanceOptions;
  /** By aedes' own object of the packet: ends when all who listen are done with it. */
  readonly #handedOn = new WeakMap<object, Promise<void>>();

  constructor(options: AcceptanceOptions) {
    this.#options = options;
  }

  /** aedes' later publishing of what was accepted only waits, so that a sender is not read from faster than others take it. */
  install(broker: PublishingBroker): void {
    const publish = broker.publish.bind(broker);
    broker.publish = (packet, ...rest) => {
      const handedOn = this.#handedOn.get(packet);
      const done = rest.at(-1);
      if (handedOn === undefined) publish(packet, ...rest);
      else if (typeof done === 'function') void handedOn.then(() => done(null));
    };
  }

  /** Before it is confirmed, all at once, so that no message overtakes another. An error: it may not be confirmed. */
  accept(packet: PublishPacket, clientId: string): Error | null {
    const { kept, emitter, nextCounter } = this.#options;
    if (kept.isClosed) return new Error('the broker has ended');
    const { topic, payload, retain } = packet;
    const accepted: BrokerPacket = {
      cmd: 'publish',
      ...nextCounter(),
      ...{ topic, payload, qos: 1, retain, dup: false, messageId: undefined },
    };
    kept.keep(accepted);
    const handedOn = new Promise<void>((resolve) => emitter.emit({ ...accepted, clientId }, () => resolve()));
    this.#handedOn.set(packet, handedOn);
    return null;
  }
}

/** A will has no identifier: nobody waits for its confirmation. */
export function isToBeConfirmed({ qos, messageId }: Pick<PublishPacket, 'qos' | 'messageId'>): boolean {
  return qos === 1 && messageId !== undefined;
}
