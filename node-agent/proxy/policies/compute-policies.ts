/** Pure: the fragments of all policies that are about pods of this machine, and of the pods that they isolate, by owner. */
import type { NetworkPolicy } from '../../../shared/api/network-policy.ts';
import type { Fragment } from '../ruleset/ruleset.ts';
import { renderIsolation } from './isolation-fragment.ts';
import { renderPolicy } from './policy-fragment.ts';
import { type PolicyPod, type PolicyWorld, podKeyOf } from './policy-pod.ts';
import { concerns, selectLocalPods } from './select-pods.ts';

export function computePolicyFragments(policies: readonly NetworkPolicy[], world: PolicyWorld): Map<string, Fragment> {
  const fragments = new Map<string, Fragment>();
  const isolated = new Map<PolicyPod, { in: NetworkPolicy[]; out: NetworkPolicy[] }>();
  for (const policy of policies) {
    const fragment = renderPolicy(policy, world);
    if (fragment === undefined) continue;
    fragments.set(`policy ${policy.metadata.namespace ?? ''}/${policy.metadata.name}`, fragment);
    for (const pod of selectLocalPods(policy, world)) {
      const entry = isolated.get(pod) ?? { in: [], out: [] };
      if (concerns(policy, 'Ingress')) entry.in.push(policy);
      if (concerns(policy, 'Egress')) entry.out.push(policy);
      isolated.set(pod, entry);
    }
  }
  for (const [pod, entry] of isolated) {
    const fragment = renderIsolation(pod, { in: entry.in.map(nameOf), out: entry.out.map(nameOf) });
    if (fragment !== undefined) fragments.set(`pod ${podKeyOf(pod)}`, fragment);
  }
  return fragments;
}

function nameOf({ metadata: { namespace = '', name } }: NetworkPolicy): { namespace: string; name: string } {
  return { namespace, name };
}
