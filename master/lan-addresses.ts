/** Addresses of this machine, for its certificate (adapter: reads the machine's interfaces). */
import { networkInterfaces } from 'node:os';

/** Interfaces that only exist on this machine: nobody on the LAN dials them. */
const INTERNAL_INTERFACES = /^(docker|br-|veth|virbr|cni|flannel|bramble)/;

/** IPv4 and IPv6 addresses of interfaces that reach the LAN, link-local ones left out. */
export function lanAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !INTERNAL_INTERFACES.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
}

/** Where others on the LAN reach a door that listens on `listen`: IPv4 first; undefined where it is this machine's own. */
export function advertisedAddress(listen: string): string | undefined {
  const isEverywhere = listen === '0.0.0.0' || listen === '::';
  const candidates = isEverywhere ? lanAddresses() : [listen];
  const reachable = candidates.filter((address) => !/^(127\.|::1$|169\.254\.|fe80:)/i.test(address));
  return reachable.find((address) => !address.includes(':')) ?? reachable[0];
}
