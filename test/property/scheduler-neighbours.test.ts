/**
 * Spread and affinity are never violated by a placement: held against a model that looks at every pod of the cluster, while
 * pods come and go and the scheduler's counts are kept by small steps.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cache } from '../../master/scheduler/cache.ts';
import { computeDecision } from '../../master/scheduler/decision.ts';
import type { PodInfo } from '../../master/scheduler/pod-info.ts';
import type { AffinityTerm } from '../../master/scheduler/pod-terms.ts';
import type { PodAffinityTerm } from '../../shared/api/affinity.ts';
import { selectorMatches } from '../../shared/machinery/label-selector.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { makeNode, type PodOptions, podInfo } from '../unit/scheduler/cluster.ts';

const RUNS = { seed: 20260102, numRuns: 150 };

const APP = fc.constantFrom('web', 'db');
const NAMESPACE = fc.constantFrom('default', 'team');

const TERM: fc.Arbitrary<PodAffinityTerm> = fc.record({
  topologyKey: fc.constantFrom('zone', 'host'),
  labelSelector: APP.map((app) => ({ matchLabels: { app } })),
  namespaces: fc.constantFrom([], ['team'], ['default', 'team']),
});

const SPREAD = fc.record({
  maxSkew: fc.integer({ min: 1, max: 2 }),
  topologyKey: fc.constantFrom('zone', 'host'),
  whenUnsatisfiable: fc.constant('DoNotSchedule' as const),
  labelSelector: APP.map((app) => ({ matchLabels: { app } })),
  minDomains: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});

const POD: fc.Arbitrary<PodOptions> = fc
  .record({
    app: APP,
    namespace: NAMESPACE,
    near: fc.array(TERM, { maxLength: 1 }),
    away: fc.array(TERM, { maxLength: 2 }),
    spread: fc.array(SPREAD, { maxLength: 1 }),
    leaving: fc.constant(false),
  })
  .map(({ app, namespace, near, away, spread }) => ({
    namespace,
    labels: { app },
    topologySpreadConstraints: spread,
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: near },
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: away },
    },
  }));

const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('place' as const), pod: POD }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), index: fc.nat(50) }) },
);

const WORLD = fc.record({
  /** Zone of each node; undefined: it has no such label. */
  zones: fc.array(fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }), { minLength: 1, maxLength: 6 }),
  steps: fc.array(STEP, { maxLength: 25 }),
  seed: fc.nat(),
});

interface Placed {
  pod: PodInfo;
  node: string;
}

type Labels = Record<string, string>;

test('a placement never violates spread or affinity, its own or that of others; and what fits nowhere fits nowhere', () => {
  fc.assert(
    fc.property(WORLD, ({ zones, steps, seed }) => {
      const labels = new Map<string, Labels>(
        zones.map((zone, index) => [`n${index}`, { host: `n${index}`, ...(zone === undefined ? {} : { zone }) }]),
      );
      const cache = new Cache();
      for (const [name, ofNode] of labels) cache.setNode(makeNode({ name, labels: ofNode }));
      const random = seededRandom(seed);
      const placed: Placed[] = [];
      steps.forEach((step, index) => {
        if (step.type === 'remove') {
          const [gone] = placed.splice(step.index % Math.max(1, placed.length), 1);
          if (gone !== undefined) cache.removePod(gone.pod.key);
          return;
        }
        const pod = podInfo({ ...step.pod, name: `p${index}` });
        const decision = computeDecision({ pod, snapshot: cache.snapshot(0), random });
        const allowed = [...labels.keys()].filter((node) => isAllowed({ pod, node }, placed, labels));
        if (decision.type === 'unschedulable') assert.deepEqual(allowed, []);
        else {
          assert.deepEqual(decision.candidates.map(({ name }) => name).sort(), allowed);
          cache.assume(pod, decision.node, 0);
          placed.push({ pod, node: decision.node });
        }
      });
    }),
    RUNS,
  );
});

type AllLabels = ReadonlyMap<string, Labels>;

function isAllowed(candidate: Placed, placed: readonly Placed[], labels: AllLabels): boolean {
  return (
    keepsSpread(candidate, placed, labels) &&
    keepsNear(candidate, placed, labels) &&
    keepsAway(candidate, placed, labels)
  );
}

function matches(term: Pick<AffinityTerm, 'query'>, { namespace, labels }: PodInfo): boolean {
  return term.query.namespaces.has(namespace) && selectorMatches(term.query.selector, labels);
}

function keepsSpread({ pod, node }: Placed, placed: readonly Placed[], labels: AllLabels): boolean {
  const demands = pod.spread?.demands ?? [];
  return demands.every((demand) => {
    const { topologyKey, maxSkew, minDomains } = demand;
    const counts = new Map<string, number>();
    for (const ofNode of labels.values()) {
      const eligible = demands.every((other) => ofNode[other.topologyKey] !== undefined);
      const domain = ofNode[topologyKey];
      if (eligible && domain !== undefined) counts.set(domain, 0);
    }
    for (const other of placed) {
      const domain = labels.get(other.node)?.[topologyKey] ?? '';
      const count = counts.get(domain);
      if (count !== undefined && matches(demand, other.pod)) counts.set(domain, count + 1);
    }
    const domain = labels.get(node)?.[topologyKey];
    if (domain === undefined) return false;
    const own = (counts.get(domain) ?? 0) + (matches(demand, pod) ? 1 : 0);
    return own - (counts.size < minDomains ? 0 : Math.min(...counts.values())) <= maxSkew;
  });
}

function sameDomain(topologyKey: string, [a, b]: readonly [string, string], labels: AllLabels): boolean {
  const domain = labels.get(a)?.[topologyKey];
  return domain !== undefined && domain === labels.get(b)?.[topologyKey];
}

function keepsNear({ pod, node }: Placed, placed: readonly Placed[], labels: AllLabels): boolean {
  const required = pod.terms?.required ?? [];
  const hasLabels = required.every(({ topologyKey }) => labels.get(node)?.[topologyKey] !== undefined);
  if (!hasLabels) return false;
  const meant = placed.filter((other) => required.every((term) => matches(term, other.pod)));
  const isNear = required.every(({ topologyKey }) =>
    meant.some((other) => sameDomain(topologyKey, [other.node, node], labels)),
  );
  const counted = meant.filter((other) =>
    required.some(({ topologyKey }) => labels.get(other.node)?.[topologyKey] !== undefined),
  );
  return isNear || (counted.length === 0 && required.every((term) => matches(term, pod)));
}

function keepsAway({ pod, node }: Placed, placed: readonly Placed[], labels: AllLabels): boolean {
  const clash = (terms: readonly AffinityTerm[], other: PodInfo, nodes: readonly [string, string]): boolean =>
    terms.some((term) => matches(term, other) && sameDomain(term.topologyKey, nodes, labels));
  return placed.every(
    (other) =>
      !clash(pod.terms?.antiRequired ?? [], other.pod, [other.node, node]) &&
      !clash(other.pod.terms?.antiRequired ?? [], pod, [other.node, node]),
  );
}
