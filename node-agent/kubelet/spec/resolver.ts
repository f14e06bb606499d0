/**
 * Pure: the resolver of a pod by its dnsPolicy and dnsConfig. Source: Kubernetes documentation, "Pod's DNS Policy" and
 * "Pod's DNS Config"; resolv.conf(5).
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { SandboxConfig } from '../../container-runtime/runtime.ts';

export interface Resolver {
  servers: string[];
  searches: string[];
  options: string[];
}

export interface ClusterDns {
  /** Addresses at which cluster names are answered; none: nobody answers them yet. */
  servers: readonly string[];
  /** `cluster.local` */
  domain: string;
}

/** Bounds of glibc, which Kubernetes takes over. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

/** What a resolver assumes that is told nothing: says it in words, so that the engine adds nothing of its own. */
const NEUTRAL_OPTION = 'ndots:1';
/** The root as the only search domain: the engine's way to say that there is none. */
const NO_SEARCH = '.';

/** undefined: as the node's own, which the engine copies. `nodeResolver` is the text of the node's resolv.conf. */
export function renderDns(pod: Pod, cluster: ClusterDns, nodeResolver: string): SandboxConfig['dns'] {
  const kind = dnsKindOf(pod, cluster);
  const { dnsConfig } = pod.spec;
  if (kind === 'node' && dnsConfig === undefined) return undefined;
  const base = baseOf(pod, kind, cluster, nodeResolver);
  const own = (dnsConfig?.options ?? []).map(({ name = '', value }) => (value ? `${name}:${value}` : name));
  const servers = unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]).slice(0, MAX_SERVERS);
  const searches = limitSearches(unique([...base.searches, ...(dnsConfig?.searches ?? [])]));
  const options = mergeOptions(base.options, own);
  return {
    servers,
    searches: searches.length === 0 ? [NO_SEARCH] : searches,
    options: options.length === 0 ? [NEUTRAL_OPTION] : options,
  };
}

/** Whether the node's resolv.conf has a part in the pod's. */
export function needsNodeResolver(pod: Pod, cluster: ClusterDns): boolean {
  const kind = dnsKindOf(pod, cluster);
  return kind === 'cluster' || (kind === 'node' && pod.spec.dnsConfig !== undefined);
}

/** The pod asks for cluster names and nobody answers them: it gets the node's resolver. */
export function lacksClusterDns({ spec }: Pod, { servers }: ClusterDns): boolean {
  const wantsCluster =
    spec.dnsPolicy === 'ClusterFirstWithHostNet' ||
    (spec.dnsPolicy !== 'Default' && spec.dnsPolicy !== 'None' && !spec.hostNetwork);
  return wantsCluster && servers.length === 0;
}

type DnsKind = 'none' | 'node' | 'cluster';

function dnsKindOf(pod: Pod, cluster: ClusterDns): DnsKind {
  const { dnsPolicy, hostNetwork } = pod.spec;
  if (dnsPolicy === 'None') return 'none';
  if (dnsPolicy === 'Default' || lacksClusterDns(pod, cluster)) return 'node';
  return dnsPolicy === 'ClusterFirst' && hostNetwork ? 'node' : 'cluster';
}

function baseOf({ metadata }: Pod, kind: DnsKind, { servers, domain }: ClusterDns, nodeText: string): Resolver {
  if (kind === 'none') return { servers: [], searches: [], options: [] };
  const node = parseResolver(nodeText);
  if (kind === 'node') return node;
  const own = [`${metadata.namespace ?? ''}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers: [...servers], searches: [...own, ...node.searches], options: ['ndots:5'] };
}

/** The last search line counts; name servers and options add up. */
export function parseResolver(text: string): Resolver {
  const resolver: Resolver = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver' && rest[0] !== undefined) resolver.servers.push(rest[0]);
    else if (word === 'search' || word === 'domain') resolver.searches = rest.filter((name) => name !== '.');
    else if (word === 'options') resolver.options = mergeOptions(resolver.options, rest);
  }
  return resolver;
}

/** An option of the same name replaces the earlier one: `ndots:2` comes in the place of `ndots:5`. */
function mergeOptions(base: readonly string[], own: readonly string[]): string[] {
  return [...new Map([...base, ...own].map((option) => [option.split(':')[0], option])).values()];
}

function limitSearches(searches: readonly string[]): string[] {
  const kept: string[] = [];
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    if ([...kept, search].join(' ').length > MAX_SEARCH_CHARS) break;
    kept.push(search);
  }
  return kept;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
