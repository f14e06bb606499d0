/** Pure: a board's second address on the LAN: of the family that its first one has not, on the same device. */
import { familyOf, parseIp, parseRange, rangeContains } from '../../shared/machinery/ip-range.ts';
import { defined } from '../../shared/platform/assert.ts';
import type { OwnAddress } from './compute-routes.ts';

/** Addresses of a site of its own (RFC 4193): they stay, where those of a provider and of privacy come and go. */
const UNIQUE_LOCAL = defined(parseRange('fc00::/7'), 'a range');

/** undefined: there is none. */
export function findOtherAddress(own: readonly OwnAddress[], first: string): string | undefined {
  const addressed = own.map(({ device, cidr }) => ({ device, address: cidr.split('/')[0] ?? '' }));
  const device = addressed.find(({ address }) => address === first)?.device;
  const others = addressed.filter((each) => each.device === device && familyOf(each.address) !== familyOf(first));
  return others.map(({ address }) => address).sort(byConstancy)[0];
}

function byConstancy(a: string, b: string): number {
  return rankOf(a) - rankOf(b) || (a < b ? -1 : 1);
}

function rankOf(address: string): number {
  const ip = parseIp(address);
  return ip !== undefined && rangeContains(UNIQUE_LOCAL, ip) ? 0 : 1;
}
