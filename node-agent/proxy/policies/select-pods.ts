/** Pure: which pods a policy is about, and which of them a peer means. Source: Kubernetes, "Network Policies". */
import type { NetworkPolicy, NetworkPolicyPeer } from '../../../shared/api/network-policy.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { PolicyPod, PolicyWorld } from './policy-pod.ts';

/** Pods of this machine that the policy is about. */
export function selectLocalPods({ metadata, spec }: NetworkPolicy, { pods }: PolicyWorld): PolicyPod[] {
  const selector = selectorFromLabelSelector(spec.podSelector);
  return pods.filter(
    ({ isLocal, namespace, labels }) =>
      isLocal && namespace === metadata.namespace && selectorMatches(selector, labels),
  );
}

/** Pods that a peer with selectors means; without a namespace selector those of the policy's own namespace. */
export function selectPeers(
  { podSelector, namespaceSelector }: NetworkPolicyPeer,
  ownNamespace: string,
  { pods, namespaces }: PolicyWorld,
): PolicyPod[] {
  const ofNamespace = namespaceSelector && selectorFromLabelSelector(namespaceSelector);
  const isMeant = (namespace: string): boolean =>
    ofNamespace === undefined
      ? namespace === ownNamespace
      : selectorMatches(ofNamespace, namespaces.get(namespace) ?? {});
  const meant = new Set([...new Set(pods.map(({ namespace }) => namespace))].filter(isMeant));
  const selector = selectorFromLabelSelector(podSelector ?? {});
  return pods.filter(({ namespace, labels }) => meant.has(namespace) && selectorMatches(selector, labels));
}

export function concerns({ spec }: NetworkPolicy, direction: 'Ingress' | 'Egress'): boolean {
  return spec.policyTypes.includes(direction);
}
