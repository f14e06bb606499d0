/** Pure: addresses as names. Sources: RFC 1035 section 3.5, RFC 3596 section 2.5; dashed names as Kubernetes' pods have them. */
import { formatIp, type IpAddress, parseIp } from '../../../shared/machinery/ip-range.ts';

const ARPA = { 4: 'in-addr.arpa', 6: 'ip6.arpa' } as const;

const LABELS = { 4: 4, 6: 32 } as const;

export function addressType(address: string): 'A' | 'AAAA' | undefined {
  const family = parseIp(address)?.family;
  return family === undefined ? undefined : family === 4 ? 'A' : 'AAAA';
}

/** `10.42.0.7` is `7.0.42.10.in-addr.arpa`; undefined for what is no address. */
export function reverseName(address: string): string | undefined {
  const ip = parseIp(address);
  return ip === undefined ? undefined : `${addressLabels(ip).reverse().join('.')}.${ARPA[ip.family]}`;
}

/** The inverse of `reverseName`; undefined also for names that lead to a range. */
export function addressOfReverseName(name: string): string | undefined {
  for (const family of [4, 6] as const) {
    if (!name.endsWith(`.${ARPA[family]}`)) continue;
    const labels = name.slice(0, -ARPA[family].length - 1).split('.');
    if (labels.length !== LABELS[family]) return undefined;
    const parts = labels.reverse();
    if (family === 6 && !parts.every((part) => /^[0-9a-f]$/.test(part))) return undefined;
    const ip = parseIp(family === 4 ? parts.join('.') : (parts.join('').match(/.{4}/g) ?? []).join(':'));
    return ip === undefined ? undefined : formatIp(ip);
  }
  return undefined;
}

/** `10-42-0-7` or, of the other family, `fd42--7`: how an endpoint without a host name is called, and a pod. */
export function dashedName(address: string): string {
  return address.replaceAll(/[.:]/g, '-').toLowerCase();
}

/** The inverse of `dashedName`. */
export function addressOfDashedName(label: string): string | undefined {
  const ip = parseIp(label.replaceAll('-', '.')) ?? parseIp(label.replaceAll('-', ':'));
  return ip === undefined ? undefined : formatIp(ip);
}

function addressLabels({ family, value }: IpAddress): string[] {
  if (family === 4) return formatIp({ family, value }).split('.');
  return [...value.toString(16).padStart(LABELS[6], '0')];
}
