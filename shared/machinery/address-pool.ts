/** A pool of IPv4 addresses as people write it: `10.0.0.240-10.0.0.250,10.0.1.64/28`. Text that is none gives undefined. */
import { addressBits, formatIp, parseIp, parseRange } from './ip-range.ts';

export interface AddressSpan {
  first: bigint;
  last: bigint;
}

/** Of a range, its first and last address are no host's. */
export function parseAddressPool(parts: readonly string[]): AddressSpan[] | undefined {
  const spans = parts.map(parseSpan);
  return spans.every((span) => span !== undefined) ? spans : undefined;
}

export function poolHas(pool: readonly AddressSpan[], address: string): boolean {
  const ip = parseIp(address);
  return ip?.family === 4 && pool.some(({ first, last }) => first <= ip.value && ip.value <= last);
}

/** In the order in which they are written. */
export function* addressesOfPool(pool: readonly AddressSpan[]): Generator<string> {
  for (const { first, last } of pool) {
    for (let value = first; value <= last; value += 1n) yield formatIp({ family: 4, value });
  }
}

function parseSpan(text: string): AddressSpan | undefined {
  const range = parseRange(text);
  if (range !== undefined) {
    const size = 1n << BigInt(addressBits(range.family) - range.prefix);
    const margin = size > 2n ? 1n : 0n;
    const span = { first: range.first + margin, last: range.first + size - 1n - margin };
    return range.family === 4 ? span : undefined;
  }
  const [from = '', to = from, ...rest] = text.split('-').map((part) => part.trim());
  const [first, last] = [parseIp(from), parseIp(to)];
  if (rest.length > 0 || first?.family !== 4 || last?.family !== 4 || last.value < first.value) return undefined;
  return { first: first.value, last: last.value };
}
