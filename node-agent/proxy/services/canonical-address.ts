/**
 * Pure: an address as the kernel writes it. People write the same IPv6 address in many ways; two services that want one address
 * must be seen to want the same, or the kernel refuses both and with them the whole table.
 */
import { formatIp, parseIp } from '../../../shared/machinery/ip-range.ts';

/** `2001:DB8:0:0::9` is `2001:db8::9`; undefined for what is no address. */
export function canonicalAddress(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}
