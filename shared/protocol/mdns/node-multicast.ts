/**
 * The LAN's group for names on a real machine (adapter: UDP). Others on the machine, such as Avahi, use the same port; all
 * hear everything. Interfaces come and go: they are looked at again before something is sent, at most every ten seconds.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../platform/clock.ts';
import { MDNS_GROUP, MDNS_PORT, type Multicast, type MulticastSender } from './multicast.ts';

/** Interfaces that only exist on this machine: what is told there reaches nobody. */
const INTERNAL_INTERFACES = /^(docker|br-|veth|virbr|cni|flannel|bramble)/;

const LOOK_INTERVAL_MS = 10_000;
const TTL = 255;

export class NodeMulticast implements Multicast {
  readonly #clock: Clock;
  #socket: Socket | undefined;
  #interfaces: readonly string[] = [];
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async open(onPacket: (packet: Buffer, sender: MulticastSender) => void): Promise<void> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.on('message', (packet, { address, port }) => onPacket(packet, { address, port }));
    socket.bind(MDNS_PORT);
    await once(socket, 'listening').catch((error) => {
      socket.close();
      throw error;
    });
    socket.on('error', () => undefined);
    socket.setMulticastTTL(TTL);
    socket.setMulticastLoopback(true);
    this.#socket = socket;
    this.#look();
  }

  send(packet: Buffer): void {
    this.#look();
    for (const address of this.#interfaces) {
      this.#quietly((socket) => {
        socket.setMulticastInterface(address);
        socket.send(packet, MDNS_PORT, MDNS_GROUP, () => undefined);
      });
    }
  }

  reply(packet: Buffer, { address, port }: MulticastSender): void {
    this.#quietly((socket) => socket.send(packet, port, address, () => undefined));
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_INTERVAL_MS) return;
    this.#lookedAtMs = nowMs;
    const present = lanInterfaces();
    for (const address of present) {
      // One that has gone and come back has left the group; to join twice is an error that means nothing.
      this.#quietly((socket) => socket.addMembership(MDNS_GROUP, address));
    }
    this.#interfaces = present;
  }

  #quietly(work: (socket: Socket) => void): void {
    try {
      if (this.#socket !== undefined) work(this.#socket);
    } catch {
      // The interface has gone meanwhile.
    }
  }
}

/** IPv4 addresses of interfaces that others are behind; the loopback when there is nothing else. */
export function lanInterfaces(): string[] {
  const all = Object.entries(networkInterfaces())
    .filter(([name]) => !INTERNAL_INTERFACES.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4');
  const outside = all.filter(({ internal }) => !internal);
  return (outside.length > 0 ? outside : all).map(({ address }) => address);
}
