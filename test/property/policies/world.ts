/** Pods, namespaces and NetworkPolicies at random: few words, so that selectors hit, and changes that come in any order. */
import fc from 'fast-check';
import type { PolicyPod } from '../../../node-agent/proxy/policies/policy-pod.ts';
import type { NetworkPolicyPeer, NetworkPolicyPort } from '../../../shared/api/network-policy.ts';
import { makePolicy } from '../../support/rulesets/objects.ts';

export const NAMESPACES = ['a', 'b'] as const;
const NAMES = ['p0', 'p1', 'p2', 'p3'] as const;
const VALUES = ['x', 'y'] as const;
export const PORT_NAMES = ['http', 'name'] as const;
export const NUMBERS = [53, 80, 81, 8080] as const;
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

/** Ranges that cut through the pods' addresses and the world's, some with host bits, as people write them. */
const BLOCKS = [
  { cidr: '10.42.0.0/16', except: ['10.42.1.0/24'] },
  { cidr: '10.42.0.9/24' },
  { cidr: '198.51.100.0/24', except: ['198.51.100.7/32'] },
  { cidr: '0.0.0.0/0', except: ['10.42.0.0/16'] },
  { cidr: 'FD42::/56', except: ['fd42::/64'] },
  { cidr: '2001:db8::/32', except: ['2001:db8:1::/48', '2001:DB8:2:0::/64'] },
] as const;

const labels = fc.record({ app: fc.constantFrom(...VALUES), tier: fc.constantFrom(...VALUES) }, { requiredKeys: [] });

const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom('app', 'tier'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.subarray([...VALUES], { minLength: 1 }),
  }),
  fc.record({
    key: fc.constantFrom('app', 'tier'),
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
  }),
);

const selector = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 1 }) },
  { requiredKeys: [] },
);

const port: fc.Arbitrary<NetworkPolicyPort> = fc.oneof(
  fc.record({ protocol: fc.constantFrom(...PROTOCOLS) }),
  fc.record({
    protocol: fc.constantFrom(...PROTOCOLS),
    port: fc.constantFrom<number | string>(...NUMBERS, ...PORT_NAMES),
  }),
  fc.record({ protocol: fc.constantFrom(...PROTOCOLS), port: fc.constant(80), endPort: fc.constantFrom(80, 81, 9000) }),
);

const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  fc.record({ podSelector: selector, namespaceSelector: selector }, { requiredKeys: ['podSelector'] }),
  fc.record({ namespaceSelector: selector }),
  fc.constantFrom(...BLOCKS).map(({ cidr, ...rest }) => ({
    ipBlock: { cidr, ...('except' in rest ? { except: [...rest.except] } : {}) },
  })),
);

/** Rules without ports or without peers let in so much that few of them are enough. */
const some = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant<T[]>([]) },
    { weight: 4, arbitrary: fc.array(one, { minLength: 1, maxLength: 3 }) },
  );
const rule = { ports: some(port), peers: some(peer) };
const ingress = fc.record(rule).map(({ ports, peers }) => ({ ports, from: peers }));
const egress = fc.record(rule).map(({ ports, peers }) => ({ ports, to: peers }));

const policy = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    podSelector: fc.oneof(fc.constant({}), selector),
    policyTypes: fc.subarray(['Ingress', 'Egress'], { minLength: 1 }),
    ingress: fc.array(ingress, { maxLength: 2 }),
    egress: fc.array(egress, { maxLength: 2 }),
  })
  .map(({ namespace, ...spec }) => ({ namespace, spec }));

const ownPort = fc.record({
  name: fc.constantFrom(...PORT_NAMES),
  protocol: fc.constantFrom(...PROTOCOLS),
  port: fc.constantFrom(...NUMBERS),
});

/** Which addresses it has, by family. */
const families = fc.constantFrom<readonly (4 | 6)[]>([4], [6], [4, 6], [4, 6], [4, 6], []);

const podShape = fc.record({ labels, families, isLocal: fc.boolean(), ports: fc.array(ownPort, { maxLength: 2 }) });

export const stepArbitrary = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('policy' as const),
      name: fc.constantFrom('q', 'r', 's'),
      policy: fc.option(policy),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pod' as const),
      namespace: fc.nat(NAMESPACES.length - 1),
      name: fc.nat(NAMES.length - 1),
      pod: fc.option(podShape, { freq: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('namespace' as const),
      namespace: fc.constantFrom(...NAMESPACES),
      labels,
    }),
  },
);

export type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

export type Policy = ReturnType<typeof makePolicy>;

export interface State {
  policies: Map<string, Policy>;
  pods: Map<string, PolicyPod>;
  namespaces: Map<string, Readonly<Record<string, string>>>;
}

export function emptyState(): State {
  return { policies: new Map(), pods: new Map(), namespaces: new Map(NAMESPACES.map((name) => [name, {}])) };
}

export function applyStep(state: State, step: Step): void {
  if (step.kind === 'namespace') state.namespaces.set(step.namespace, step.labels);
  else if (step.kind === 'policy') {
    if (step.policy === null) state.policies.delete(step.name);
    else state.policies.set(step.name, makePolicy(step.name, step.policy.spec, step.policy.namespace));
  } else {
    const namespace = NAMESPACES[step.namespace] ?? '';
    const name = NAMES[step.name] ?? '';
    if (step.pod === null) state.pods.delete(`${namespace}/${name}`);
    else
      state.pods.set(
        `${namespace}/${name}`,
        makePod({ namespace, name, place: step.namespace * NAMES.length + step.name, shape: step.pod }),
      );
  }
}

interface PodFacts {
  namespace: string;
  name: string;
  /** No other pod has it, so that no two have one address. */
  place: number;
  shape: typeof podShape extends fc.Arbitrary<infer T> ? T : never;
}

function makePod({ namespace, name, place, shape }: PodFacts): PolicyPod {
  const addresses = shape.families.map((family) => podAddress(place, shape.isLocal, family));
  return { namespace, name, labels: shape.labels, addresses, isLocal: shape.isLocal, ports: shape.ports };
}

function podAddress(place: number, isLocal: boolean, family: 4 | 6): string {
  if (family === 4) return `10.42.${isLocal ? 0 : 1}.${place + 10}`;
  return isLocal ? `fd42::${place + 10}` : `fd42:0:0:1::${place + 10}`;
}
