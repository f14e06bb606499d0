/** A ruleset with a name, for golden files and for the kernel: what owners put into the table of the node `here`. */
import { computePolicyFragments } from '../../../node-agent/proxy/policies/compute-policies.ts';
import type { PolicyPod } from '../../../node-agent/proxy/policies/policy-pod.ts';
import { Fragments } from '../../../node-agent/proxy/ruleset/fragments.ts';
import { renderNetwork } from '../../../node-agent/proxy/ruleset/network-fragment.ts';
import { renderChanges, renderTable } from '../../../node-agent/proxy/ruleset/render.ts';
import type { Fragment } from '../../../node-agent/proxy/ruleset/ruleset.ts';
import { renderService } from '../../../node-agent/proxy/ruleset/service-fragment.ts';
import { renderSkeleton } from '../../../node-agent/proxy/ruleset/skeleton.ts';
import { computePortals } from '../../../node-agent/proxy/services/compute-portals.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { NetworkPolicy } from '../../../shared/api/network-policy.ts';
import type { Service } from '../../../shared/api/service.ts';

export interface RulesetCase {
  /** Of the golden file. */
  name: string;
  /** One line. */
  about: string;
  fragments: ReadonlyMap<string, Fragment>;
}

export const TABLE = 'bramble';

export const SKELETON = renderSkeleton({ table: TABLE, tunnel: 'bramble-vxlan' });

const NETWORK = renderNetwork({
  clusterRanges: ['10.42.0.0/16', 'fd42::/56'],
  serviceRanges: ['10.43.0.0/16', 'fd43::/112'],
  ownRanges: ['10.42.0.0/24', 'fd42::/64'],
});

const LOCALITY = { nodes: new Set(['here']), zone: 'house' };

export type ServiceWithSlices = [Service, ...EndpointSlice[]];

export function serviceCase(name: string, about: string, ...services: readonly ServiceWithSlices[]): RulesetCase {
  const fragments = services.flatMap(([service, ...slices]): [string, Fragment][] => {
    const fragment = renderService(computePortals(service, slices, LOCALITY));
    return fragment === undefined ? [] : [[`service ${service.metadata.name}`, fragment]];
  });
  return { name, about, fragments: new Map(fragments) };
}

export interface PolicyCase {
  name: string;
  about: string;
  policies: readonly NetworkPolicy[];
  pods: readonly PolicyPod[];
}

const NAMESPACES = new Map<string, Record<string, string>>([
  ['default', { team: 'home' }],
  ['garden', { team: 'garden' }],
  ['cellar', { team: 'garden', damp: 'yes' }],
]);

export function policyCase({ name, about, policies, pods }: PolicyCase): RulesetCase {
  return { name, about, fragments: computePolicyFragments(policies, { pods, namespaces: NAMESPACES }) };
}

/** The fixed part with the network's ranges, as it stands before any service. */
export function renderBase(): string {
  return renderTable(SKELETON, freshFragments().takeAll());
}

/** What the case adds to that. */
export function renderCase({ about, fragments }: RulesetCase): string {
  const kept = freshFragments();
  kept.takeAll();
  for (const [owner, fragment] of fragments) kept.put(owner, fragment);
  return `# ${about}\n${renderChanges(TABLE, kept.take())}`;
}

/** With the ranges of the network, and nothing else yet. */
export function freshFragments(): Fragments {
  const fragments = new Fragments();
  fragments.put('network', NETWORK);
  return fragments;
}
