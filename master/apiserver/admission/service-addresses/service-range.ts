/** A range of service addresses such as `10.43.0.0/16` or `fd43::/112`, whose addresses are counted from its first. Pure. */
import {
  addressBits,
  addressIn,
  type IpFamily,
  type IpRange,
  parseIp,
  parseRange,
  rangeContains,
} from '../../../../shared/machinery/ip-range.ts';
import { assert } from '../../../../shared/platform/assert.ts';

export type FamilyName = 'IPv4' | 'IPv6';

export interface ServiceRange {
  /** As written, for messages. */
  text: string;
  family: FamilyName;
  range: IpRange;
  size: number;
}

/** What is used is kept as one bit an address: a million of them are enough for anybody's services. */
const MAX_ADDRESS_BITS = 24;

/** A range that is not well-formed is a mistake in the program's own settings. */
export function parseServiceRange(text: string): ServiceRange {
  const range = parseRange(text);
  assert(range !== undefined, `${text} is no range of addresses`);
  const bits = addressBits(range.family) - range.prefix;
  assert(bits >= 2 && bits <= MAX_ADDRESS_BITS, `${text} does not hold between 4 and 2^${MAX_ADDRESS_BITS} addresses`);
  return { text, family: familyName(range.family), range, size: 2 ** bits };
}

export function familyName(family: IpFamily): FamilyName {
  return family === 4 ? 'IPv4' : 'IPv6';
}

/** Position of an address in the range; undefined outside of it, and for what is no address. */
export function indexInRange({ range }: ServiceRange, address: string): number | undefined {
  const ip = parseIp(address);
  if (ip === undefined || !rangeContains(range, ip)) return undefined;
  return Number(ip.value - range.first);
}

export function addressAt({ range }: ServiceRange, index: number): string {
  return addressIn(range, index);
}
