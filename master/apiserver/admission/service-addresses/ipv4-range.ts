/** An IPv4 range such as `10.43.0.0/16`, whose addresses are counted from its first. Pure. */
import { assert } from '../../../../shared/platform/assert.ts';

export interface Ipv4Range {
  /** As written, for messages. */
  text: string;
  first: number;
  size: number;
}

const CIDR = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/;

/** A range that is not well-formed is a mistake in the program's own settings. */
export function parseIpv4Range(text: string): Ipv4Range {
  const [, address = '', bits = ''] = CIDR.exec(text) ?? [];
  const first = parseIpv4(address);
  assert(first !== undefined && Number(bits) >= 8 && Number(bits) <= 30, `${text} is no IPv4 range from /8 to /30`);
  return { text, first, size: 2 ** (32 - Number(bits)) };
}

/** Position of an address in the range; undefined outside of it, and for what is no address. */
export function indexInRange(range: Ipv4Range, address: string): number | undefined {
  const value = parseIpv4(address);
  if (value === undefined) return undefined;
  const index = value - range.first;
  return index >= 0 && index < range.size ? index : undefined;
}

export function addressAt(range: Ipv4Range, index: number): string {
  const value = range.first + index;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Leading zeros are refused: they mean octal to some programs. */
function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}
