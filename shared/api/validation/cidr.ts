/** Ranges of addresses as numbers: `10.9.8.0/24`, `2001:db8::/64` (RFC 4632, RFC 4291). */
import { isIpAddress } from './text.ts';

export interface Cidr {
  /** Bits of an address: 32 or 128. */
  bits: 32 | 128;
  address: bigint;
  prefix: number;
}

/** Undefined for what is no range. */
export function parseCidr(text: string): Cidr | undefined {
  const [ip = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isIpAddress(ip) || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = ip.includes(':') ? 128 : 32;
  const prefix = Number(length);
  return prefix <= bits ? { bits, address: bits === 32 ? ipv4Number(ip) : ipv6Number(ip), prefix } : undefined;
}

export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.bits !== inner.bits || inner.prefix < outer.prefix) return false;
  const shift = BigInt(outer.bits - outer.prefix);
  return outer.address >> shift === inner.address >> shift;
}

function ipv4Number(ip: string): bigint {
  return ip.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** The URL parser writes an address in its shortest form, without dots. */
function ipv6Number(ip: string): bigint {
  const short = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
