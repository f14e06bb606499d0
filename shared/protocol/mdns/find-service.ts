/**
 * Looks for a service on the LAN, once (RFC 6762, section 5.1: a one-shot query; RFC 6763). Adapter: a UDP socket of its own,
 * so that it needs no part in the group and nothing stays.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, encode } from 'dns-packet';
import type { Clock } from '../../platform/clock.ts';
import { readMessage, sameName } from './mdns-record.ts';
import { MAX_PACKET_BYTES, MDNS_GROUP, MDNS_PORT } from './multicast.ts';
import { lanInterfaces } from './node-multicast.ts';

export interface FoundService {
  /** `Bramble on pi-1` */
  instance: string;
  /** An address of it; IPv4 first. */
  host: string;
  port: number;
  /** `key=value` */
  text: Readonly<Record<string, string>>;
}

export interface SearchOptions {
  /** `_bramble._tcp.local` */
  service: string;
  /** The first that fits ends the search. */
  accept(found: FoundService): boolean;
  timeoutMs: number;
  clock: Clock;
}

/** Radio loses packets: the question is repeated. */
const REPEAT_MS = 500;

/** undefined: nobody has answered in time. Never rejects. */
export async function findService(options: SearchOptions): Promise<FoundService | undefined> {
  const { service, accept, timeoutMs, clock } = options;
  const socket = createSocket('udp4');
  const result = Promise.withResolvers<FoundService | undefined>();
  socket.on('error', () => result.resolve(undefined));
  socket.on('message', (packet) => {
    const found = packet.length > MAX_PACKET_BYTES ? [] : readServices(packet, service);
    const fitting = found.find(accept);
    if (fitting !== undefined) result.resolve(fitting);
  });
  const question = encode({ id: 0, questions: [{ name: service, type: 'PTR' }] });
  const ask = (): void => {
    for (const address of lanInterfaces()) {
      try {
        socket.setMulticastInterface(address);
        socket.send(question, MDNS_PORT, MDNS_GROUP, () => undefined);
      } catch {
        // The interface has gone meanwhile.
      }
    }
    timer = clock.after(REPEAT_MS, ask);
  };
  let timer = clock.after(timeoutMs, () => undefined);
  const end = clock.after(timeoutMs, () => result.resolve(undefined));
  try {
    socket.bind(0);
    await once(socket, 'listening');
    timer.cancel();
    ask();
    return await result.promise;
  } catch {
    return undefined;
  } finally {
    timer.cancel();
    end.cancel();
    socket.close();
  }
}

/** What a packet says of instances of the service: where each is, and its text. */
export function readServices(packet: Buffer, service: string): FoundService[] {
  const message = readMessage(packet);
  if (message?.isResponse !== true) return [];
  const records = [...message.answers, ...message.additionals];
  const instances = records.flatMap((record) =>
    record.type === 'PTR' && sameName(record.name, service) ? [record.data] : [],
  );
  return [...new Set(instances)].flatMap((name) => readInstance(records, name, service));
}

function readInstance(records: readonly Answer[], name: string, service: string): FoundService[] {
  const place = records.find((record) => record.type === 'SRV' && sameName(record.name, name));
  if (place?.type !== 'SRV') return [];
  const addresses = ['A', 'AAAA'].flatMap((type) =>
    records.flatMap((record) =>
      record.type === type && 'data' in record && sameName(record.name, place.data.target) ? [String(record.data)] : [],
    ),
  );
  const [host] = addresses;
  if (host === undefined) return [];
  const told = records.flatMap((record) =>
    record.type === 'TXT' && sameName(record.name, name) ? [record.data].flat() : [],
  );
  const text = Object.fromEntries(
    told.map(String).flatMap((entry) => {
      const [key = '', ...value] = entry.split('=');
      return key === '' ? [] : [[key, value.join('=')]];
    }),
  );
  return [{ instance: name.slice(0, -service.length - 1), host, port: place.data.port, text }];
}
