/**
 * Pure: which Ingress a request belongs to, and which backend answers. Source: Kubernetes documentation, "Ingress": path
 * types, multiple matches, host name wildcards; of several Ingresses that say the same, the older one counts.
 */
import type { HTTPIngressPath, Ingress, IngressBackend } from '../../shared/api/ingress.ts';
import { keyOf } from '../../shared/client/informer.ts';
import { type IngressSettings, readSettings } from './settings.ts';

/** What a request is answered with. */
export interface Route {
  namespace: string;
  /** `namespace/name` of the Ingress. */
  ingress: string;
  backend: IngressBackend;
  settings: IngressSettings;
}

interface PathRoute extends Route {
  pathType: HTTPIngressPath['pathType'];
  /** Without its final slash, unless it is exact. */
  path: string;
}

export interface RouteTable {
  /** By host; `*.example.org` for one level below it, `` for all. Longest paths first. */
  hosts: ReadonlyMap<string, readonly PathRoute[]>;
  fallback: Route | undefined;
}

export const NO_ROUTES: RouteTable = { hosts: new Map(), fallback: undefined };

/** Paths that are served; what would come after is left out. */
export const MAX_ROUTES = 5_000;

export function computeRoutes(ingresses: readonly Ingress[]): RouteTable {
  const hosts = new Map<string, PathRoute[]>();
  let fallback: Route | undefined;
  let count = 0;
  for (const ingress of [...ingresses].sort(byAge)) {
    const { namespace = '' } = ingress.metadata;
    const base = { namespace, ingress: keyOf(ingress), settings: readSettings(ingress) };
    const { defaultBackend, rules = [] } = ingress.spec;
    if (defaultBackend !== undefined) fallback ??= { ...base, backend: defaultBackend };
    for (const { host = '', http } of rules) {
      const paths = hosts.get(host.toLowerCase()) ?? [];
      hosts.set(host.toLowerCase(), paths);
      for (const { path, pathType, backend } of http?.paths ?? []) {
        count += 1;
        if (count <= MAX_ROUTES) paths.push({ ...base, backend, pathType, path: trimPath(path ?? '/', pathType) });
      }
      // A rule without paths sends all of its host to the default backend.
      if (http === undefined && defaultBackend) {
        paths.push({ ...base, backend: defaultBackend, pathType: 'Prefix', path: '' });
      }
    }
  }
  for (const paths of hosts.values()) paths.sort(byPrecedence);
  return { hosts, fallback };
}

/** `host` in lower case, without its port; `path` without its query. */
export function findRoute({ hosts, fallback }: RouteTable, host: string, path: string): Route | undefined {
  for (const name of [host, `*${host.slice(host.indexOf('.'))}`, '']) {
    const found = hosts.get(name)?.find((route) => matches(route, path));
    if (found !== undefined) return found;
  }
  return fallback;
}

/** Whole elements are compared: `/foo` is no prefix of `/foobar` (path type Prefix). */
function matches({ pathType, path }: PathRoute, asked: string): boolean {
  if (pathType === 'Exact') return asked === path;
  return asked === path || asked.startsWith(`${path}/`) || path === '';
}

function trimPath(path: string, pathType: HTTPIngressPath['pathType']): string {
  return pathType === 'Exact' ? path : path.replace(/\/+$/, '');
}

/** The longest path counts, and of equal ones the exact; sorting keeps the order of age. */
function byPrecedence(a: PathRoute, b: PathRoute): number {
  return b.path.length - a.path.length || Number(b.pathType === 'Exact') - Number(a.pathType === 'Exact');
}

function byAge(a: Ingress, b: Ingress): number {
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${keyOf({ metadata })}`);
  return (first ?? '') < (second ?? '') ? -1 : 1;
}
