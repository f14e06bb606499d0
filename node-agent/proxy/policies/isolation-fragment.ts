/**
 * Pure: what one isolated pod of this machine adds to the table: a chain a direction that asks each policy about the pod and
 * drops what none of them allows. Pods that no policy is about are not in the table at all.
 */
import { familyOf } from '../../../shared/machinery/ip-range.ts';
import type { Element, Fragment } from '../ruleset/ruleset.ts';
import { boundedName, setNames } from '../ruleset/words.ts';
import { type Direction, policyChain } from './policy-fragment.ts';
import type { PolicyPod } from './policy-pod.ts';

export interface PoliciesOfPod {
  /** `namespace` and `name` of the policies that isolate the pod in that direction. */
  in: readonly { namespace: string; name: string }[];
  out: readonly { namespace: string; name: string }[];
}

/** undefined: the pod is free, or has no address yet. */
export function renderIsolation(pod: PolicyPod, policies: PoliciesOfPod): Fragment | undefined {
  const chains = new Map<string, readonly string[]>();
  const elements: Element[] = [];
  for (const direction of ['in', 'out'] as const) {
    const applying = policies[direction];
    if (applying.length === 0 || pod.addresses.length === 0) continue;
    const chain = boundedName(`pod-${direction}-${pod.namespace}/${pod.name}`);
    chains.set(chain, [...applying.map((policy) => `jump ${policyChain(direction, policy)}`), 'drop']);
    elements.push(...pod.addresses.flatMap((address) => isolate(address, direction, chain)));
  }
  // Two pods have one address only while one of them is leaving: the chain of the one that is still there counts.
  return chains.size === 0 ? undefined : { rank: `${pod.namespace}/${pod.name}`, chains, sets: [], elements };
}

function isolate(address: string, direction: Direction, chain: string): Element[] {
  const family = familyOf(address);
  if (family === undefined) return [];
  const { isolatedIn, isolatedOut } = setNames(family);
  return [{ set: direction === 'in' ? isolatedIn : isolatedOut, key: address, value: `goto ${chain}` }];
}
