/**
 * Who a pull shows itself as: credentials out of Secrets of the types kubernetes.io/dockerconfigjson and
 * kubernetes.io/dockercfg, and which of them are for an image. The most specific entry comes first.
 * Source: Kubernetes, "Images", "Interpretation of config.json".
 */
import type { ImageReference } from './image-reference.ts';
import { isJsonObject, type JsonObject } from './json.ts';

export interface PullCredentials {
  username: string;
  password: string;
}

export interface CredentialEntry extends PullCredentials {
  /** Host with port and the beginning of a path: `registry.local:5000/team`, `*.example.com`. */
  scope: string;
}

export interface PullSecret {
  type: string;
  /** Base64, as Secrets have it. */
  data?: Readonly<Record<string, string>>;
}

/** Entries of one Secret; more are no configuration but a mistake. */
const MAX_ENTRIES = 100;

/** Names that Docker's own registry has had. */
const DOCKER_HUB_HOSTS = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** What cannot be read is left out: a pull without credentials tells the user what is wrong. */
export function parsePullSecret({ type, data = {} }: PullSecret): CredentialEntry[] {
  if (type === 'kubernetes.io/dockerconfigjson') return parseAuths(readJson(data['.dockerconfigjson'])?.['auths']);
  if (type === 'kubernetes.io/dockercfg') return parseAuths(readJson(data['.dockercfg']));
  return [];
}

/** Those for the image, the most specific first; empty: the registry is asked without. */
export function findCredentials(
  entries: readonly CredentialEntry[],
  image: Pick<ImageReference, 'domain' | 'path'>,
): PullCredentials[] {
  const matching = entries.filter(({ scope }) => matches(scope, image));
  matching.sort((a, b) => b.scope.length - a.scope.length);
  return matching.map(({ username, password }) => ({ username, password }));
}

function readJson(base64: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64 ?? '', 'base64').toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseAuths(auths: unknown): CredentialEntry[] {
  if (!isJsonObject(auths)) return [];
  const entries = Object.entries(auths).slice(0, MAX_ENTRIES);
  return entries.flatMap(([key, entry]) => {
    const credentials = isJsonObject(entry) ? readCredentials(entry) : undefined;
    return credentials === undefined ? [] : [{ scope: scopeOf(key), ...credentials }];
  });
}

/** `auth` is base64 of `username:password`. */
function readCredentials({ auth, username, password }: JsonObject): PullCredentials | undefined {
  if (typeof username === 'string' && typeof password === 'string' && username !== '') return { username, password };
  const text = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}

/** `https://index.docker.io/v1/` is how docker login writes Docker Hub. */
function scopeOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  const [host = '', ...path] = bare.split('/');
  const api = path[0] === 'v1' || path[0] === 'v2' ? path.slice(1) : path;
  return [DOCKER_HUB_HOSTS.includes(host) ? 'docker.io' : host.toLowerCase(), ...api].join('/');
}

function matches(scope: string, { domain, path }: Pick<ImageReference, 'domain' | 'path'>): boolean {
  const [host = '', ...prefix] = scope.split('/');
  const isBelow = prefix.length === 0 || `${path}/`.startsWith(`${prefix.join('/')}/`);
  return isBelow && hostMatches(host, domain.toLowerCase());
}

/** A star stands for a part between dots, or for some of its letters. */
function hostMatches(pattern: string, host: string): boolean {
  const wanted = pattern.split('.');
  const parts = host.split('.');
  return wanted.length === parts.length && wanted.every((part, index) => partMatches(part, parts[index] ?? ''));
}

function partMatches(pattern: string, part: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === part;
  const last = rest.pop() ?? '';
  if (!part.startsWith(first) || !part.endsWith(last) || part.length < first.length + last.length) return false;
  let from = first.length;
  for (const piece of rest) {
    const found = part.indexOf(piece, from);
    if (found < 0) return false;
    from = found + piece.length;
  }
  return from <= part.length - last.length;
}
