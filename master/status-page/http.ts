/** The page's files and the headers that guard them. Decisions only; sockets are in status-page.ts. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { join } from 'node:path';

export interface Asset {
  contentType: string;
  etag: string;
  bytes: Buffer;
}

const FILES: Readonly<Record<string, { file: string; contentType: string }>> = {
  '/': { file: 'index.html', contentType: 'text/html; charset=utf-8' },
  '/style.css': { file: 'style.css', contentType: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', contentType: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', contentType: 'image/svg+xml' },
};

/** Beside this file in the sources, beside the bundle in what ships. */
const FOLDER = join(import.meta.dirname, 'page');

export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const entries = Object.entries(FILES).map(async ([path, { file, contentType }]): Promise<[string, Asset]> => {
    const bytes = await readFile(join(FOLDER, file));
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
    return [path, { contentType, etag, bytes }];
  });
  return new Map(await Promise.all(entries));
}

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

/** A browser says where a script comes from; programs without an origin are let in like kubectl's `get` on the LAN. */
export function isSameOrigin({ origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>): boolean {
  if (origin === undefined) return true;
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
