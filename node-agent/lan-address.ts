/** The board's address on the LAN (adapter: asks the kernel's routes and interfaces; nothing is sent). */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

/** Interfaces that only exist on this machine: nobody on the LAN dials them. */
const INTERNAL_INTERFACES = /^(docker|br-|veth|virbr|cni|flannel|bramble)/;

/** The address that packets to `host` leave from; the first one of the LAN when that is a loopback; 127.0.0.1 as the last resort. */
export async function findLanAddress(host: string): Promise<string> {
  const towards = await addressTowards(host);
  if (towards !== undefined && !isLoopback(towards)) return towards;
  return firstLanAddress() ?? towards ?? '127.0.0.1';
}

/** A connected UDP socket knows its own address without a packet. */
function addressTowards(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => finish(undefined));
    // Any port does; 9 is the discard service (RFC 863).
    socket.connect(9, host, () => finish(socket.address().address));
  });
}

function firstLanAddress(): string | undefined {
  const all = Object.entries(networkInterfaces()).filter(([name]) => !INTERNAL_INTERFACES.test(name));
  const usable = all
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid);
  return (usable.find(({ family }) => family === 'IPv4') ?? usable[0])?.address;
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
