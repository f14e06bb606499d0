/**
 * The smallest MQTT 3.1.1 client that can load a broker: counts what comes and confirms it, writes what is asked for in one
 * piece. A library would be the slowest part of the measurement.
 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect } from 'node:tls';

export interface LoadTarget {
  host: string;
  port: number;
  /** Undefined: without TLS. */
  ca: string | undefined;
  username: string;
  password: string;
}

export interface LoadClient {
  subscribe(filter: string, qos: 0 | 1): Promise<void>;
  /** `count` messages of `payload` in one write. */
  publish(message: { topic: string; payload: Buffer; qos: 0 | 1 }, count: number): void;
  /** Called with what came since the last call: messages and confirmations. */
  onProgress(listener: (messages: number, confirmed: number) => void): void;
  close(): void;
}

const PACKET = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;

export async function connectLoadClient(target: LoadTarget, clientId: string): Promise<LoadClient> {
  const { ca, ...place } = target;
  const socket = ca === undefined ? connectPlain(place) : connect({ ...place, ca, servername: 'localhost' });
  socket.setNoDelay(true);
  const client = new Client(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once(ca === undefined ? 'connect' : 'secureConnect', resolve);
    socket.once('error', reject);
  });
  await client.sayHello(target, clientId);
  return client;
}

class Client implements LoadClient {
  readonly #socket: Socket;
  readonly #answered = new Map<number, () => void>();
  #listener: (messages: number, confirmed: number) => void = () => undefined;
  #rest: Buffer = Buffer.alloc(0);
  #nextId = 1;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', () => undefined);
  }

  sayHello({ username, password }: LoadTarget, clientId: string): Promise<void> {
    const head = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, 0xc2, 0, 0]);
    const words = [clientId, username, password].map(text);
    this.#socket.write(packet(0x10, Buffer.concat([head, ...words])));
    return this.#answer(PACKET.connack);
  }

  subscribe(filter: string, qos: 0 | 1): Promise<void> {
    this.#socket.write(packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(filter), Buffer.from([qos])])));
    return this.#answer(PACKET.suback);
  }

  publish({ topic, payload, qos }: { topic: string; payload: Buffer; qos: 0 | 1 }, count: number): void {
    const head = text(topic);
    const packets: Buffer[] = [];
    for (let n = 0; n < count; n += 1) {
      if (qos === 0) packets.push(packet(0x30, Buffer.concat([head, payload])));
      else {
        packets.push(
          packet(0x32, Buffer.concat([head, Buffer.from([this.#nextId >> 8, this.#nextId & 255]), payload])),
        );
        this.#nextId = (this.#nextId % 65_535) + 1;
      }
    }
    this.#socket.write(Buffer.concat(packets));
  }

  onProgress(listener: (messages: number, confirmed: number) => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer(type: number): Promise<void> {
    return new Promise((resolve) => void this.#answered.set(type, resolve));
  }

  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const confirmations: number[] = [];
    let messages = 0;
    let confirmed = 0;
    let offset = 0;
    for (let end = endOf(all, offset); end !== undefined; end = endOf(all, offset)) {
      const first = all[offset] ?? 0;
      const type = first >> 4;
      if (type === PACKET.publish) {
        messages += 1;
        if ((first & 0x06) !== 0) confirmations.push(0x40, 2, ...idOf(all, offset));
      } else if (type === PACKET.puback) confirmed += 1;
      else this.#answered.get(type)?.();
      offset = end;
    }
    this.#rest = all.subarray(offset);
    if (confirmations.length > 0) this.#socket.write(Buffer.from(confirmations));
    if (messages + confirmed > 0) this.#listener(messages, confirmed);
  }
}

/** Where the packet at `offset` ends; undefined while it is not all there. */
function endOf(bytes: Buffer, offset: number): number | undefined {
  let length = 0;
  for (let index = 1; index < 5; index += 1) {
    const byte = bytes[offset + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (index - 1);
    if ((byte & 0x80) !== 0) continue;
    const end = offset + index + 1 + length;
    return end <= bytes.length ? end : undefined;
  }
  throw new Error('the broker sent a malformed length');
}

/** Identifier of a PUBLISH packet: behind its topic. */
function idOf(bytes: Buffer, offset: number): [number, number] {
  let head = offset + 1;
  while (((bytes[head] ?? 0) & 0x80) !== 0) head += 1;
  const topicBytes = bytes.readUInt16BE(head + 1);
  const at = head + 3 + topicBytes;
  return [bytes[at] ?? 0, bytes[at + 1] ?? 0];
}

function packet(first: number, body: Buffer): Buffer {
  const head = [first];
  let rest = body.length;
  do {
    head.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(head), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}
