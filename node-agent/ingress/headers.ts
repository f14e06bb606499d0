/**
 * Pure: headers on their way through. What is between two neighbours stays there (RFC 9110, section 7.6.1), and the backend
 * is told who asked, as proxies have always said it; what a client says of that itself is not believed.
 */
import type { IncomingHttpHeaders } from 'node:http';

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
  // We have said ourselves that we want the body.
  'expect',
]);

const SAID_BY_PROXIES: ReadonlySet<string> = new Set([
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip'],
]);

export interface Arrival {
  /** Pairs of name and value in a row, as they came. */
  rawHeaders: readonly string[];
  headers: IncomingHttpHeaders;
  clientAddress: string;
  /** Port at which it came in. */
  port: number;
  isTls: boolean;
}

/** `upgrade`: the protocol that the client wants to go on with. */
export function computeRequestHeaders(arrival: Arrival, upgrade?: string): string[] {
  const { rawHeaders, headers, clientAddress, isTls, port } = arrival;
  const kept = filterHeaders(rawHeaders, headers.connection, (name) => !SAID_BY_PROXIES.has(name));
  // The body has no length: it goes on in pieces, as it comes.
  const isChunked = upgrade === undefined && headers['transfer-encoding'] !== undefined;
  return [
    ...kept,
    ...['X-Forwarded-For', clientAddress, 'X-Real-IP', clientAddress],
    ...['X-Forwarded-Host', headers.host ?? '', 'X-Forwarded-Port', String(port)],
    ...['X-Forwarded-Proto', isTls ? 'https' : 'http'],
    ...(isChunked ? ['Transfer-Encoding', 'chunked'] : []),
    ...(upgrade === undefined ? [] : ['Connection', 'Upgrade', 'Upgrade', upgrade]),
  ];
}

export function computeResponseHeaders(rawHeaders: readonly string[], connection: string | undefined): string[] {
  return filterHeaders(rawHeaders, connection, () => true);
}

/** `connection` names further headers that were meant for the neighbour. */
function filterHeaders(raw: readonly string[], connection = '', keep: (name: string) => boolean): string[] {
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && keep(lower)) kept.push(name, value);
  }
  return kept;
}

/** `Whoami.bramble.local:8080` is `whoami.bramble.local`. */
export function hostOf(header: string | undefined): string {
  return (header ?? '').toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}

/** Where the same page is by TLS. */
export function renderRedirect(host: string, port: number, url: string): string {
  return `https://${host}${port === 443 ? '' : `:${port}`}${url}`;
}
