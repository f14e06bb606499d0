/**
 * Names of container images, as people write them and in one canonical form, so that `nginx` and
 * `docker.io/library/nginx:latest` are the same image wherever two names are compared.
 * Source: distribution/reference, "Grammar".
 */

export interface ImageReference {
  /** Host of the registry, with its port if any: `docker.io`, `registry.local:5000`. */
  domain: string;
  /** `library/nginx` */
  path: string;
  /** `latest` where neither tag nor digest was written. */
  tag: string | undefined;
  /** `sha256:…` */
  digest: string | undefined;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';

const PATH = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** An image's id in place of a name: nothing that a registry could be asked for. */
const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{64}$/;

const MAX_NAME_CHARS = 255;

/** undefined: no such name can exist. */
export function parseImageReference(text: string): ImageReference | undefined {
  if (IMAGE_ID.test(text)) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const { domain, path } = splitDomain(hasTag ? named.slice(0, colon) : named);
  const isValid = DOMAIN.test(domain) && PATH.test(path) && path.length + domain.length < MAX_NAME_CHARS;
  if (!isValid || (digest !== undefined && !DIGEST.test(digest)) || (tag !== undefined && !TAG.test(tag))) {
    return undefined;
  }
  return { domain, path, tag: tag ?? (digest === undefined ? DEFAULT_TAG : undefined), digest };
}

/** The first part is a host when it could not be a part of a path: a dot, a port, or `localhost`. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = /[.:A-Z]/.test(first) || first === 'localhost';
  if (!isDomain) return { domain: DEFAULT_DOMAIN, path: slash < 0 ? OFFICIAL_PREFIX + name : name };
  const rest = name.slice(slash + 1);
  const domain = first === 'index.docker.io' ? DEFAULT_DOMAIN : first;
  return { domain, path: domain === DEFAULT_DOMAIN && !rest.includes('/') ? OFFICIAL_PREFIX + rest : rest };
}

/** `docker.io/library/nginx:latest`; a digest makes the tag superfluous: `docker.io/library/nginx@sha256:…`. */
export function formatImageReference({ domain, path, tag, digest }: ImageReference): string {
  return `${domain}/${path}${digest === undefined ? `:${tag ?? DEFAULT_TAG}` : `@${digest}`}`;
}

/** The canonical form; a text that is no name stays as it is. */
export function canonicalImage(text: string): string {
  const reference = parseImageReference(text);
  return reference === undefined ? text : formatImageReference(reference);
}

/** The repository as Docker shows it: `nginx`, `registry.local:5000/team/app`. */
export function familiarRepository({ domain, path }: Pick<ImageReference, 'domain' | 'path'>): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  return path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path;
}
