/**
 * Addresses and ranges of both families as numbers: `10.42.3.0/24`, `fd42::/56`. Text that is no address or no range gives
 * undefined, never an error. Sources: RFC 4632, RFC 4291, RFC 5952 (how an IPv6 address is written).
 */
export type IpFamily = 4 | 6;

export interface IpAddress {
  family: IpFamily;
  value: bigint;
}

export interface IpRange {
  family: IpFamily;
  /** First address; its bits after the prefix are 0. */
  first: bigint;
  prefix: number;
}

const BITS: Readonly<Record<IpFamily, number>> = { 4: 32, 6: 128 };

export function addressBits(family: IpFamily): number {
  return BITS[family];
}

export function familyOf(address: string): IpFamily | undefined {
  return parseIp(address)?.family;
}

export function parseIp(text: string): IpAddress | undefined {
  const value = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
}

export function formatIp({ family, value }: IpAddress): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

/** An address of the range stands for the range: `10.42.3.7/24` is `10.42.3.0/24`. */
export function parseRange(text: string): IpRange | undefined {
  const [, ip = '', length = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = parseIp(ip);
  const prefix = Number(length);
  if (address === undefined || length === '' || prefix > BITS[address.family]) return undefined;
  return rangeAround(address, prefix);
}

export function formatRange({ family, first, prefix }: IpRange): string {
  return `${formatIp({ family, value: first })}/${prefix}`;
}

/** The range of that length that holds the address. */
export function rangeAround({ family, value }: IpAddress, prefix: number): IpRange {
  const hostBits = BigInt(BITS[family] - prefix);
  return { family, first: (value >> hostBits) << hostBits, prefix };
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  return range.family === address.family && rangeAround(address, range.prefix).first === range.first;
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  const [outer, inner] = a.prefix <= b.prefix ? [a, b] : [b, a];
  return rangeContains(outer, { family: inner.family, value: inner.first });
}

/** How many parts of length `prefix` the range has; a large number is as good as infinite. */
export function countSubnets(range: IpRange, prefix: number): number {
  return prefix < range.prefix ? 0 : 2 ** (prefix - range.prefix);
}

/** Part number `index` of length `prefix`. */
export function subnetAt(range: IpRange, prefix: number, index: number): IpRange {
  return { ...range, prefix, first: range.first + (BigInt(index) << BigInt(BITS[range.family] - prefix)) };
}

/** Address number `index` of the range. */
export function addressIn({ family, first }: IpRange, index: number): string {
  return formatIp({ family, value: first + BigInt(index) });
}

/** Leading zeros are refused: they mean octal to some programs. */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  const isWellFormed =
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isWellFormed ? parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) : undefined;
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function parseIpv6(text: string): bigint | undefined {
  const [head = '', tail, ...rest] = text.split('::');
  if (rest.length > 0) return undefined;
  const left = parseGroups(head);
  const right = tail === undefined ? [] : parseGroups(tail);
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** `2001:db8` or, with an IPv4 address at its end, `ffff:10.0.0.1`; undefined for anything else. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = index === parts.length - 1 && part.includes('.') ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) groups.push(Number(ipv4 >> 16n), Number(ipv4 & 0xffffn));
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** RFC 5952, section 4: lower case, the longest run of at least two zero groups shortened, the first of equal ones. */
function formatIpv6(value: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((value >> shift) & 0xffffn).toString(16));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
