/** Headers that guard the page, and who may talk to it. Decisions only; sockets are in status-page.ts. */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Nothing but our own files may run or be loaded, and no other page may frame this one. */
export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Endings of names that no public name server answers for. */
const PRIVATE_SUFFIXES = ['.local', '.lan', '.home', '.internal', '.home.arpa', '.localhost'];

/**
 * Whether the name under which the page was asked for can only be this machine. A foreign page may point a public name of
 * its own at our address (DNS rebinding) and would then count as our origin.
 */
export function isTrustedHost(header: string | undefined): boolean {
  const name = hostnameOf(header);
  if (name === undefined) return false;
  if (isIP(name) !== 0 || !name.includes('.')) return true;
  return PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/**
 * A browser says where a script comes from; programs without an origin may look like kubectl's `get` on the LAN, unless
 * `mustSay`.
 */
export function isSameOrigin({ origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>, mustSay = false): boolean {
  if (origin === undefined) return !mustSay;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

function hostnameOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  try {
    const { hostname } = new URL(`http://${header}`);
    return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  } catch {
    return undefined;
  }
}
