/**
 * Pure: what one NetworkPolicy adds to the table: a chain a direction, which accepts what the policy allows and returns for
 * the rest. Pods that are selected by name stand in sets, so that a pod that comes or goes changes elements and no rule.
 */
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../shared/api/network-policy.ts';
import { familyOf, formatRange, type IpFamily, parseRange } from '../../../shared/machinery/ip-range.ts';
import { type Element, type Fragment, type NamedSet, setOf } from '../ruleset/ruleset.ts';
import { addressKey, boundedName, FAMILIES, FAMILY_WORDS } from '../ruleset/words.ts';
import type { PolicyPod, PolicyWorld } from './policy-pod.ts';
import { concerns, selectLocalPods, selectPeers } from './select-pods.ts';

export type Direction = 'in' | 'out';

/** The chain of a policy in one direction. */
export function policyChain(direction: Direction, { namespace, name }: { namespace: string; name: string }): string {
  return boundedName(`allow-${direction}-${namespace}/${name}`);
}

/** undefined: the policy is about no pod of this machine, so nothing is told of it here. */
export function renderPolicy(policy: NetworkPolicy, world: PolicyWorld): Fragment | undefined {
  const selected = selectLocalPods(policy, world);
  if (selected.length === 0) return undefined;
  const { namespace = '', name } = policy.metadata;
  const writer = new PolicyWriter({ namespace, name, selected, world });
  if (concerns(policy, 'Ingress')) writer.write('in', (policy.spec.ingress ?? []).map(ingressRule));
  if (concerns(policy, 'Egress')) writer.write('out', (policy.spec.egress ?? []).map(egressRule));
  return { rank: '', chains: writer.chains, sets: writer.sets, elements: writer.elements };
}

interface Rule {
  peers: readonly NetworkPolicyPeer[];
  ports: readonly NetworkPolicyPort[];
}

function ingressRule({ from = [], ports = [] }: NetworkPolicyIngressRule): Rule {
  return { peers: from, ports };
}

function egressRule({ to = [], ports = [] }: NetworkPolicyEgressRule): Rule {
  return { peers: to, ports };
}

interface PolicyScope {
  namespace: string;
  name: string;
  /** Pods of this machine that the policy is about. */
  selected: readonly PolicyPod[];
  world: PolicyWorld;
}

class PolicyWriter {
  readonly chains = new Map<string, readonly string[]>();
  readonly sets: NamedSet[] = [];
  readonly elements: Element[] = [];
  readonly #scope: PolicyScope;

  constructor(scope: PolicyScope) {
    this.#scope = scope;
  }

  write(direction: Direction, rules: readonly Rule[]): void {
    const chain = policyChain(direction, this.#scope);
    const lines = rules.flatMap((rule, index) => this.#renderRule(direction, rule, `${chain}/${index}`));
    this.chains.set(chain, lines);
  }

  /** A connection matches one of the peers and one of the ports. */
  #renderRule(direction: Direction, { peers, ports }: Rule, id: string): string[] {
    const selectors = peers.filter(({ ipBlock }) => ipBlock === undefined);
    const pods = this.#peerPods(peers, selectors);
    const peerMatches: PeerMatch[] = [
      ...(peers.length === 0 ? FAMILIES.map((family) => ({ family, text: '' })) : []),
      ...(selectors.length > 0 ? this.#renderPodSet(direction, pods, id) : []),
      ...peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : renderBlock(direction, ipBlock))),
    ];
    const numbered = ports.filter(({ port }) => typeof port !== 'string');
    const named = ports.filter(({ port }) => typeof port === 'string');
    const portMatches = ports.length === 0 ? [''] : numbered.map(renderPort);
    // Without peers one rule is for both families.
    const peerTexts = new Set(peerMatches.map(({ text }) => text));
    return [
      ...[...peerTexts].flatMap((peer) => portMatches.map((port) => joinWords(peer, port, 'accept'))),
      ...(named.length > 0 ? this.#renderNamed({ direction, named, pods, peerMatches, id }) : []),
    ];
  }

  #peerPods(peers: readonly NetworkPolicyPeer[], selectors: readonly NetworkPolicyPeer[]): readonly PolicyPod[] {
    const { namespace, world } = this.#scope;
    if (peers.length === 0) return world.pods;
    return [...new Set(selectors.flatMap((peer) => selectPeers(peer, namespace, world)))];
  }

  #renderPodSet(direction: Direction, pods: readonly PolicyPod[], id: string): PeerMatch[] {
    return FAMILIES.map((family) => {
      const { header, type } = FAMILY_WORDS[family];
      const set = `${id}/pods${family}`;
      this.#addSet(setOf(set, type), addressesOf(pods, family));
      return { family, text: `${header} ${endOf(direction)} @${set}` };
    });
  }

  /**
   * A named port is another number in each pod. Of what comes in it is a port of the selected pods; of what goes out it is
   * one of the peers, so only pods can be meant.
   */
  #renderNamed({ direction, named, pods, peerMatches, id }: NamedPorts): string[] {
    const owners = direction === 'in' ? this.#scope.selected : pods;
    return FAMILIES.flatMap((family) => {
      // The kernel refuses a rule about both families, and with it the whole table.
      const ofFamily = peerMatches.filter((peer) => peer.family === family).map(({ text }) => text);
      const peers = direction === 'in' ? ofFamily : [''];
      const { header, type } = FAMILY_WORDS[family];
      const set = `${id}/ports${family}`;
      const keys = owners.flatMap((pod) => namedPortKeys(pod, named, family));
      this.#addSet(setOf(set, `${type} . inet_proto . inet_service`), keys);
      return peers.map((peer) => joinWords(peer, `${header} daddr . meta l4proto . th dport @${set}`, 'accept'));
    });
  }

  #addSet(set: NamedSet, keys: readonly string[]): void {
    this.sets.push(set);
    for (const key of new Set(keys)) this.elements.push({ set: set.name, key, value: '' });
  }
}

/** A match of the peer's address; empty: anybody's, of that family. */
interface PeerMatch {
  family: IpFamily;
  text: string;
}

interface NamedPorts {
  direction: Direction;
  named: readonly NetworkPolicyPort[];
  pods: readonly PolicyPod[];
  peerMatches: readonly PeerMatch[];
  id: string;
}

/** Which end of the packet the peer is. */
function endOf(direction: Direction): 'saddr' | 'daddr' {
  return direction === 'in' ? 'saddr' : 'daddr';
}

function addressesOf(pods: readonly PolicyPod[], family: IpFamily): string[] {
  return pods.flatMap(({ addresses }) => addresses.filter((address) => familyOf(address) === family));
}

function namedPortKeys(pod: PolicyPod, named: readonly NetworkPolicyPort[], family: IpFamily): string[] {
  const ports = pod.ports.filter((own) =>
    named.some(({ port, protocol }) => own.name === port && own.protocol === protocol),
  );
  return addressesOf([pod], family).flatMap((address) =>
    ports.map(({ protocol, port }) => addressKey(address, protocol, port)),
  );
}

/** Ranges are written our way: others write some that nft does not take. */
function renderBlock(
  direction: Direction,
  { cidr, except = [] }: NonNullable<NetworkPolicyPeer['ipBlock']>,
): PeerMatch[] {
  const block = parseRange(cidr);
  if (block === undefined) return [];
  const { family } = block;
  const start = `${FAMILY_WORDS[family].header} ${endOf(direction)}`;
  const holes = except.flatMap((text) => parseRange(text) ?? []).filter((hole) => hole.family === family);
  const text = [`${start} ${formatRange(block)}`, ...holes.map((hole) => `${start} != ${formatRange(hole)}`)].join(' ');
  return [{ family, text }];
}

/** All ports of a protocol, one, or a range. */
function renderPort({ protocol, port, endPort }: NetworkPolicyPort): string {
  const start = `meta l4proto ${protocol.toLowerCase()}`;
  if (port === undefined) return start;
  return `${start} th dport ${port}${endPort === undefined || endPort === port ? '' : `-${endPort}`}`;
}

function joinWords(...words: string[]): string {
  return words.filter((word) => word !== '').join(' ');
}
