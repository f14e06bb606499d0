/**
 * Pure: what one service adds to the table. A packet finds its service by one look into a map; the chain it comes to picks a
 * target at random and rewrites the destination, once a connection.
 *
 *     services4 ─► svc-NS/NAME/tcp80 ─► target                       clients inside the cluster
 *               └► ext-NS/NAME/tcp80 ─► (new source) ─► svc-…        others, policy Cluster
 *                                    └► local-NS/NAME/tcp80          others, policy Local: targets here, source kept
 */
import type { Portal, Target } from '../services/portal.ts';
import type { Element, Fragment, NamedSet } from './ruleset.ts';
import { renderTargets, type TargetChains } from './target-chains.ts';
import { addressKey, CHAINS, FAMILY_WORDS, portKey, setNames } from './words.ts';

/** undefined: the service has no portal, so nothing to say. */
export function renderService(portals: readonly Portal[]): Fragment | undefined {
  const [first] = portals;
  if (first === undefined) return undefined;
  const parts = portals.map(renderPortal);
  return {
    rank: `${first.created} ${first.namespace}/${first.name}`,
    chains: new Map(parts.flatMap(({ chains }) => [...chains])),
    sets: parts.flatMap(({ sets }) => sets),
    elements: parts.flatMap(({ elements }) => elements),
  };
}

interface Part {
  chains: Map<string, readonly string[]>;
  sets: NamedSet[];
  elements: Element[];
}

/** `default/web/tcp80`, and `default/web/tcp80/6` for IPv6. */
function suffixOf({ namespace, name, protocol, port, family }: Portal): string {
  return `${namespace}/${name}/${protocol.toLowerCase()}${port}${family === 6 ? '/6' : ''}`;
}

function renderPortal(portal: Portal): Part {
  const targets = new TargetChainsOf(portal);
  const suffix = suffixOf(portal);
  const inside = targets.chain(`svc-${suffix}`, portal.internal);
  const outside = hasOutside(portal) ? renderOutside(portal, targets) : undefined;
  const elements = [
    ...portal.frontends.map(({ kind, address }) => {
      const verdict = kind === 'ClusterIP' ? inside : kind === 'LoadBalancer' ? outside?.balancer : outside?.others;
      return addressElement(portal, address, verdict);
    }),
    ...(portal.nodePort > 0 ? [nodePortElement(portal, outside?.others)] : []),
  ];
  return { chains: targets.chains, sets: targets.sets, elements: [...elements, ...hairpinElements(portal)] };
}

/** By these a packet is known that a pod sends to itself by way of the service: it needs a new source, or is not answered. */
function hairpinElements({ internal, external, family }: Portal): Element[] {
  const targets = [...internal, ...external.cluster, ...external.local].filter(({ isLocal }) => isLocal);
  const addresses = new Set(targets.map(({ address }) => address));
  return [...addresses].map((address) => ({
    set: setNames(family).hairpin,
    key: `${address} . ${address}`,
    value: '',
  }));
}

function hasOutside({ frontends, nodePort }: Portal): boolean {
  return nodePort > 0 || frontends.some(({ kind }) => kind !== 'ClusterIP');
}

/** Collects the chains of a portal; the same targets are the same chain. */
class TargetChainsOf {
  readonly chains = new Map<string, readonly string[]>();
  readonly sets: NamedSet[] = [];
  readonly #portal: Portal;
  readonly #rendered = new Map<string, TargetChains>();

  constructor(portal: Portal) {
    this.#portal = portal;
  }

  /** Name of a chain that leads to one of the targets; undefined when there is none. */
  chain(name: string, targets: readonly Target[]): string | undefined {
    if (targets.length === 0) return undefined;
    const key = targets.map(({ address, port }) => `${address} ${port}`).join();
    const present = this.#rendered.get(key);
    if (present !== undefined) return present.name;
    const rendered = renderTargets(this.#portal, { name, suffix: suffixOf(this.#portal), targets });
    this.#rendered.set(key, rendered);
    for (const [chain, rules] of rendered.chains) this.chains.set(chain, rules);
    for (const set of rendered.sets) if (!this.sets.some((known) => known.name === set.name)) this.sets.push(set);
    return rendered.name;
  }

  add(name: string, rules: readonly string[]): string {
    this.chains.set(name, rules);
    return name;
  }
}

/** Chains for clients from outside: of load balancer addresses, and of all other addresses and node ports. */
interface Outside {
  balancer: string | undefined;
  others: string | undefined;
}

function renderOutside(portal: Portal, targets: TargetChainsOf): Outside {
  const { external, family, sourceRanges } = portal;
  const suffix = suffixOf(portal);
  const all = targets.chain(`all-${suffix}`, external.cluster);
  if (all === undefined) return { balancer: undefined, others: undefined };
  const rules =
    external.policy === 'cluster'
      ? [`jump ${CHAINS.markMasquerade}`, `goto ${all}`]
      : renderLocalPolicy(portal, all, targets.chain(`local-${suffix}`, external.local));
  const others = targets.add(`ext-${suffix}`, rules);
  if (sourceRanges === undefined) return { balancer: others, others };
  const { header } = FAMILY_WORDS[family];
  const allowed = sourceRanges.map((range) => `${header} saddr ${range} goto ${others}`);
  return { balancer: targets.add(`from-${suffix}`, [...allowed, 'drop']), others };
}

/** Pods of this machine and the machine itself are no outside clients; the others reach targets here, or nothing. */
function renderLocalPolicy({ family }: Portal, all: string, local: string | undefined): string[] {
  const { header, nfproto } = FAMILY_WORDS[family];
  return [
    `${header} saddr @${setNames(family).ownRanges} goto ${all}`,
    `meta nfproto ${nfproto} fib saddr type local jump ${CHAINS.markMasquerade}`,
    `meta nfproto ${nfproto} fib saddr type local goto ${all}`,
    local === undefined ? 'drop' : `goto ${local}`,
  ];
}

/** Without a chain the element stands in the map of what nobody serves. */
function addressElement(
  { protocol, port, family, internal, external }: Portal,
  address: string,
  chain: string | undefined,
): Element {
  const { services, deadServices } = setNames(family);
  const key = addressKey(address, protocol, port);
  if (chain !== undefined) return { set: services, key, value: `goto ${chain}` };
  // Targets elsewhere that a policy keeps away: as upstream, silence. None at all: a refusal.
  const isKeptAway = internal.length === 0 && external.cluster.length > 0;
  return { set: deadServices, key, value: isKeptAway ? 'drop' : `goto ${CHAINS.refuse}` };
}

function nodePortElement({ protocol, nodePort, family }: Portal, chain: string | undefined): Element {
  const { nodePorts, deadNodePorts } = setNames(family);
  const key = portKey(protocol, nodePort);
  if (chain !== undefined) return { set: nodePorts, key, value: `goto ${chain}` };
  return { set: deadNodePorts, key, value: `goto ${CHAINS.refuse}` };
}
