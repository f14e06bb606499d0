/**
 * Preemption never drives away a pod of the same or a higher priority, makes enough room, breaks a budget only where every
 * way breaks one, and drives nobody away for nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeDecision } from '../../master/scheduler/decision.ts';
import type { PodInfo } from '../../master/scheduler/pod-info.ts';
import type { Budget } from '../../master/scheduler/preemption/budgets.ts';
import { splitByBudgets } from '../../master/scheduler/preemption/budgets.ts';
import { computePreemption } from '../../master/scheduler/preemption/victims.ts';
import { DEFAULT_PROFILE } from '../../master/scheduler/profile.ts';
import { selectorFromLabels } from '../../shared/machinery/label-selector.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { makeCache, type PodOptions, podInfo } from '../unit/scheduler/cluster.ts';

const RUNS = { seed: 20260103, numRuns: 300 };

const PLACED: fc.Arbitrary<PodOptions> = fc.record({
  requests: fc.constantFrom('500m', '1', '2').map((cpu) => ({ cpu })),
  priority: fc.integer({ min: 0, max: 4 }),
  labels: fc.constantFrom('a', 'b', 'c').map((app) => ({ app })),
  leaving: fc.constantFrom(false, false, false, true),
  startedSeconds: fc.nat(1_000),
});

const CLUSTER = fc.record({
  nodes: fc.array(fc.array(PLACED, { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
  pod: fc.record({
    requests: fc.constantFrom('1', '2', '4').map((cpu) => ({ cpu })),
    priority: fc.integer({ min: 0, max: 5 }),
  }),
  allowed: fc.record({ a: fc.nat(2), b: fc.nat(2) }),
});

const CPU_MILLIS = 4_000;

test('preemption is just, sufficient and sparing', () => {
  fc.assert(
    fc.property(CLUSTER, ({ nodes, pod: options, allowed }) => {
      const names = nodes.map((_, index) => `n${index}`);
      const cache = makeCache({
        nodes: names.map((name) => ({ name, cpu: '4' })),
        pods: Object.fromEntries(names.map((name, index) => [name, nodes[index] ?? []])),
      });
      const pod = podInfo({ ...options, name: 'new' });
      const snapshot = cache.snapshot(0);
      const decision = computeDecision({ pod, snapshot, random: seededRandom(1) });
      if (decision.type === 'place') return;
      const budgets = Object.entries(allowed).map(([app, count]) => makeBudget(app, count));
      const { refusals } = decision;
      const found = computePreemption({ pod, snapshot, profile: DEFAULT_PROFILE, refusals, budgets });
      const ways = names.flatMap((name) => waysOn([...(snapshot.node(name)?.pods.values() ?? [])], pod));
      if (found === undefined) return assert.equal(ways.length, 0);
      const here = [...(snapshot.node(found.node)?.pods.values() ?? [])];
      assert.ok(found.victims.every((victim) => victim.priority < pod.priority && !victim.isLeaving));
      assert.ok(isEnough(here, found.victims, pod));
      for (const spared of found.victims) {
        assert.ok(
          !isEnough(
            here,
            found.victims.filter((victim) => victim !== spared),
            pod,
          ),
          'a victim too many',
        );
      }
      const violations = (victims: readonly PodInfo[]): number => splitByBudgets(victims, budgets).violating.length;
      assert.equal(found.violations, violations(found.victims));
      if (found.violations > 0)
        assert.ok(
          ways.every((way) => violations(way) > 0),
          'a budget broken for nothing',
        );
    }),
    RUNS,
  );
});

test('what-ifs leave no trace', () => {
  fc.assert(
    fc.property(CLUSTER, ({ nodes, pod: options }) => {
      const names = nodes.map((_, index) => `n${index}`);
      const cache = makeCache({
        nodes: names.map((name) => ({ name, cpu: '4' })),
        pods: Object.fromEntries(names.map((name, index) => [name, nodes[index] ?? []])),
      });
      const sums = (): unknown[] =>
        cache.nodes.map((node) => [node.name, node.requested.cpuMillis, [...node.pods.keys()].sort()]);
      const before = JSON.stringify(sums());
      const pod = podInfo({ ...options, name: 'new' });
      const snapshot = cache.snapshot(0);
      const refusals = names.map((node) => ({ node, plugin: 'NodeResourcesFit' as const, reasons: [] }));
      computePreemption({ pod, snapshot, profile: DEFAULT_PROFILE, refusals, budgets: [] });
      assert.equal(JSON.stringify(sums()), before);
    }),
    RUNS,
  );
});

/** Pods that leave anyway make room for nothing. */
function isEnough(here: readonly PodInfo[], victims: readonly PodInfo[], pod: PodInfo): boolean {
  const staying = here.filter(
    (other) => !victims.includes(other) && !(other.isLeaving && other.priority < pod.priority),
  );
  const used = staying.reduce((sum, other) => sum + other.requests.cpuMillis, 0);
  return used + pod.requests.cpuMillis <= CPU_MILLIS;
}

/** Every set of less important pods whose going is enough. */
function waysOn(here: readonly PodInfo[], pod: PodInfo): PodInfo[][] {
  if (here.every((other) => other.priority >= pod.priority)) return [];
  const lower = here.filter((other) => other.priority < pod.priority && !other.isLeaving);
  const subsets = lower.reduce<PodInfo[][]>((all, other) => all.concat(all.map((some) => some.concat(other))), [[]]);
  return subsets.filter((victims) => isEnough(here, victims, pod));
}

function makeBudget(app: string, disruptionsAllowed: number): Budget {
  return {
    key: `default/${app}`,
    namespace: 'default',
    selector: selectorFromLabels({ app }),
    disruptionsAllowed,
    disruptedPods: new Set(),
  };
}
