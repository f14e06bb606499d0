/**
 * What Kubernetes' documentation says of network policies, written down a second time and as plainly as possible: whether a
 * connection may be. Shares nothing with the proxy.
 */

import type { PolicyPod } from '../../../node-agent/proxy/policies/policy-pod.ts';
import type { LabelSelector } from '../../../shared/api/label-selector.ts';
import type { NetworkPolicyPeer, NetworkPolicyPort } from '../../../shared/api/network-policy.ts';
import { parseIp, parseRange, rangeContains } from '../../../shared/machinery/ip-range.ts';
import { defined } from '../../../shared/platform/assert.ts';
import type { Packet } from '../../support/nft/packet.ts';
import type { Policy, State } from './world.ts';

/** What this node lets through: it speaks for the pods that it has. */
export function mayPass(state: State, packet: Packet, ownAddresses: readonly string[]): boolean {
  if (packet.isEstablished || packet.isOwn || packet.protocol === 'neighbour') return true;
  const source = podAt(state, packet.source);
  const target = podAt(state, packet.destination);
  const isForNode = ownAddresses.includes(packet.destination);
  if (isForNode && packet.port === 53 && packet.protocol !== 'sctp') return true;
  const mayLeave = !source?.isLocal || maySend(state, source, packet);
  const mayEnter = isForNode || !target?.isLocal || mayReceive(state, target, packet);
  return mayLeave && mayEnter;
}

function maySend(state: State, pod: PolicyPod, packet: Packet): boolean {
  const about = policiesOf(state, pod, 'Egress');
  if (about.length === 0) return true;
  const target = podAt(state, packet.destination);
  return about.some((policy) =>
    (policy.spec.egress ?? []).some(({ to = [], ports = [] }) => {
      const meant = to.filter((peer) => isMeant(state, policy, peer, packet.destination));
      if (to.length > 0 && meant.length === 0) return false;
      // A range has no pods whose ports could have names.
      const isPod = to.length === 0 || meant.some(({ ipBlock }) => ipBlock === undefined);
      return ports.length === 0 || ports.some((port) => fits(port, packet, isPod ? target : undefined));
    }),
  );
}

function mayReceive(state: State, pod: PolicyPod, packet: Packet): boolean {
  const about = policiesOf(state, pod, 'Ingress');
  if (about.length === 0) return true;
  return about.some((policy) =>
    (policy.spec.ingress ?? []).some(({ from = [], ports = [] }) => {
      const isFrom = from.length === 0 || from.some((peer) => isMeant(state, policy, peer, packet.source));
      return isFrom && (ports.length === 0 || ports.some((port) => fits(port, packet, pod)));
    }),
  );
}

function policiesOf({ policies }: State, { namespace, labels }: PolicyPod, type: string): Policy[] {
  return [...policies.values()].filter(
    ({ metadata, spec }) =>
      metadata.namespace === namespace && spec.policyTypes.includes(type) && selects(spec.podSelector, labels),
  );
}

function isMeant(state: State, policy: Policy, peer: NetworkPolicyPeer, address: string): boolean {
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock;
    return isIn(cidr, address) && !except.some((range) => isIn(range, address));
  }
  const pod = podAt(state, address);
  if (pod === undefined) return false;
  const isNamespace =
    peer.namespaceSelector === undefined
      ? pod.namespace === policy.metadata.namespace
      : selects(peer.namespaceSelector, state.namespaces.get(pod.namespace) ?? {});
  return isNamespace && selects(peer.podSelector ?? {}, pod.labels);
}

/** `owner`: the pod whose port it is. */
function fits({ protocol, port, endPort }: NetworkPolicyPort, packet: Packet, owner: PolicyPod | undefined): boolean {
  if (protocol.toLowerCase() !== packet.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return packet.port >= port && packet.port <= (endPort ?? port);
  return (owner?.ports ?? []).some((own) => own.name === port && own.protocol === protocol && own.port === packet.port);
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const hasLabels = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    hasLabels &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      return (value !== undefined && values.includes(value)) === (operator === 'In');
    })
  );
}

function podAt({ pods }: State, address: string): PolicyPod | undefined {
  return [...pods.values()].find(({ addresses }) => addresses.includes(address));
}

function isIn(range: string, address: string): boolean {
  return rangeContains(defined(parseRange(range), range), defined(parseIp(address), address));
}
