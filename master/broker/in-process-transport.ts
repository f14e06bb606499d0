/** The master's own attachment to aedes: messages go by reference, without a socket, and the link is always up. */
import type { Aedes, AedesPublishPacket } from 'aedes';
import type { Message, Transport } from '../../shared/protocol/transport.ts';

/** A part of aedes that its types leave out. */
interface Retained {
  persistence: { createRetainedStreamCombi(filters: string[]): AsyncIterable<AedesPublishPacket> };
}

export function createInProcessTransport(aedes: Aedes): Transport {
  return {
    publish: (topic, payload, { qos = 0, retain = false, origin } = {}) =>
      new Promise((resolve, reject) => {
        const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
        const message = { cmd: 'publish' as const, topic, payload: bytes, qos, retain, dup: false };
        const packet = origin === undefined ? message : { ...message, clientId: origin };
        aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
    async subscribe(filter, onMessage) {
      const deliver = (packet: AedesPublishPacket, done: () => void): void => {
        done();
        onMessage({ ...toMessage(packet, false), keep: packet.retain });
      };
      await new Promise<void>((resolve) => aedes.subscribe(filter, deliver, resolve));
      for await (const packet of retainedOf(aedes).createRetainedStreamCombi([filter]))
        onMessage(toMessage(packet, true));
      return () => aedes.unsubscribe(filter, deliver, () => undefined);
    },
    onLink(listener) {
      listener(true);
      return () => undefined;
    },
  };
}

function retainedOf(aedes: Aedes): Retained['persistence'] {
  return (aedes as Aedes & Retained).persistence;
}

function toMessage({ topic, payload, clientId }: AedesPublishPacket & { clientId?: string }, retain: boolean): Message {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return { topic, payload: bytes, retain, ...(clientId === undefined ? {} : { clientId }) };
}
