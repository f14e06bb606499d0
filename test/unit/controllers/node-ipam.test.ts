/** Slices of the pod range: every node one, nobody twice, whoever came first keeps what it has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeNodePlan, type NetworkRanges, slicesOf } from '../../../master/controllers/node-ipam/plan.ts';
import { NETWORK_ANNOTATIONS } from '../../../shared/api/cluster-network.ts';
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import { parseRange, rangesOverlap } from '../../../shared/machinery/ip-range.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { makeNode } from '../scheduler/cluster.ts';
import { startLiveCluster } from './live-cluster.ts';

const RANGES: NetworkRanges = { clusterCidrs: ['10.42.0.0/16'], serviceCidrs: ['10.43.0.0/16'] };

interface Given {
  podCIDR?: string;
  present?: string;
}

function nodeWith({ podCIDR, present }: Given = {}): Node {
  const node = makeNode({});
  const annotations: Record<string, string> =
    present === undefined ? {} : { [NETWORK_ANNOTATIONS.presentCidrs]: present };
  const spec = podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR] };
  return { ...node, metadata: { ...node.metadata, annotations }, spec: { ...node.spec, ...spec } };
}

test('the first free slice, the one it had before, and none when the range is full', () => {
  const plan = (given: Given, taken: string[], clusterCidrs = RANGES.clusterCidrs) =>
    computeNodePlan(nodeWith(given), taken, { ...RANGES, clusterCidrs });
  assert.deepEqual(plan({}, []).podCidrs, ['10.42.0.0/24']);
  assert.deepEqual(plan({}, ['10.42.0.0/24', '10.42.2.0/24']).podCidrs, ['10.42.1.0/24']);
  assert.deepEqual(plan({ present: '10.42.9.0/24' }, []).podCidrs, ['10.42.9.0/24']);
  assert.deepEqual(plan({ present: '10.42.9.0/24' }, ['10.42.9.0/24']).podCidrs, ['10.42.0.0/24']);
  assert.deepEqual(plan({ present: '10.99.9.0/24' }, []).podCidrs, ['10.42.0.0/24'], 'of another cluster');
  assert.deepEqual(plan({ present: '10.42.8.0/22' }, []).podCidrs, ['10.42.0.0/24'], 'of another length');
  assert.deepEqual(plan({}, ['10.42.0.0/23']).podCidrs, ['10.42.2.0/24'], 'whatever length the others have');
  assert.deepEqual(plan({}, [], ['10.42.0.0/16', 'fd42::/56']).podCidrs, ['10.42.0.0/24', 'fd42::/64']);
  const full = plan({}, ['10.42.0.0/24'], ['10.42.0.0/24']);
  assert.equal(full.podCidrs, undefined);
  assert.equal(full.problem?.reason, 'CIDRNotAvailable');
});

test('what a node has stays; a double made by hand is told of', () => {
  const has = nodeWith({ podCIDR: '10.42.3.0/24' });
  assert.equal(computeNodePlan(has, ['10.42.0.0/24'], RANGES).podCidrs, undefined);
  assert.equal(computeNodePlan(has, ['10.42.0.0/24'], RANGES).problem, undefined);
  assert.equal(computeNodePlan(has, ['10.42.3.0/24'], RANGES).problem?.reason, 'CIDROverlap');
});

test('nodes are told the ranges of the cluster, and again when they change', () => {
  const { annotations } = computeNodePlan(nodeWith(), [], RANGES);
  assert.deepEqual(annotations, {
    'bramble.dev/cluster-cidrs': '10.42.0.0/16',
    'bramble.dev/service-cidrs': '10.43.0.0/16',
  });
  const told = { ...nodeWith(), metadata: { ...nodeWith().metadata, annotations } };
  assert.deepEqual(computeNodePlan(told, [], RANGES).annotations, {});
  const wider = { ...RANGES, clusterCidrs: ['10.42.0.0/15'] };
  assert.deepEqual(computeNodePlan(told, [], wider).annotations, { 'bramble.dev/cluster-cidrs': '10.42.0.0/15' });
});

test('law: whatever nodes come and go, no two ever overlap', () => {
  const step = fc.record({ name: fc.nat(30), leaves: fc.boolean(), hint: fc.option(fc.nat(16)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slices = new Map<number, string>();
      for (const { name, leaves, hint } of steps) {
        if (leaves || slices.has(name)) {
          slices.delete(name);
          continue;
        }
        const present = hint === null ? {} : { present: `10.42.${hint}.0/24` };
        const ranges = { ...RANGES, clusterCidrs: ['10.42.0.0/20'] };
        const { podCidrs } = computeNodePlan(nodeWith(present), [...slices.values()], ranges);
        assert.equal(podCidrs === undefined, slices.size >= 16);
        if (podCidrs !== undefined) slices.set(name, defined(podCidrs[0], 'slice'));
      }
      const all = [...slices.values()].map((text) => defined(parseRange(text), text));
      for (const [index, a] of all.entries()) {
        assert.ok(all.slice(index + 1).every((b) => !rangesOverlap(a, b)));
      }
    }),
    { seed: 5 },
  );
});

test('live: nodes that come together get slices of their own, one that is re-flashed gets its old one', async () => {
  const cluster = await startLiveCluster();
  try {
    const names = ['pi-1', 'pi-2', 'pi-3', 'pi-4'];
    await Promise.all(names.map((name) => cluster.addNode({ name })));
    const nodes = await cluster.until('every node has a slice', async () => {
      const { items } = await cluster.client.list(NodeKind);
      return items.every((node) => slicesOf(node).length === 1) && items;
    });
    assert.equal(new Set(nodes.flatMap(slicesOf)).size, names.length);
    const [first] = nodes;
    const { name } = defined(first, 'a node').metadata;
    await cluster.client.delete(NodeKind, { name });
    const annotations = { [NETWORK_ANNOTATIONS.presentCidrs]: slicesOf(defined(first, 'a node')).join() };
    await cluster.client.create(NodeKind, { metadata: { name, annotations } });
    const again = await cluster.until('it has a slice again', async () => {
      const node = await cluster.client.get(NodeKind, { name });
      return slicesOf(node).length > 0 && node;
    });
    assert.deepEqual(slicesOf(again), slicesOf(defined(first, 'a node')));
    assert.equal(again.metadata.annotations?.[NETWORK_ANNOTATIONS.serviceCidrs], '10.43.0.0/16');
  } finally {
    await cluster.stop();
  }
});
