/** Addresses of this machine, for its certificate (adapter: reads the machine's interfaces). */
import { networkInterfaces } from 'node:os';

/** Interfaces that only exist on this machine: nobody on the LAN dials them. */
const INTERNAL_INTERFACES = /^(docker|br-|veth|virbr|cni|flannel)/;

/** IPv4 and IPv6 addresses of interfaces that reach the LAN, link-local ones left out. */
export function lanAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !INTERNAL_INTERFACES.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
}
