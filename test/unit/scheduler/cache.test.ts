/** The cache: sums by small steps, assumed pods, pods that come before their node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '../../../master/scheduler/cache.ts';
import { makeCache, makeNode, podInfo } from './cluster.ts';

const REQUESTS = { cpu: '1', 'bramble.dev/gpio': '1' };

function sums(cache: Cache, name = 'pi-1') {
  const node = cache.node(name);
  return (
    node && {
      cpu: node.requested.cpuMillis,
      pods: node.pods.size,
      gpio: node.requested.others.get('bramble.dev/gpio'),
      ports: node.usedPorts.length,
    }
  );
}

const NOTHING = { cpu: 0, pods: 0, gpio: undefined, ports: 0 };
const ONE = { cpu: 1000, pods: 1, gpio: 1, ports: 1 };
const POD = podInfo({ name: 'a', requests: REQUESTS, owner: 'rs', ports: [{ hostPort: 80 }] });

test('what comes in goes out again', () => {
  const cache = makeCache({ nodes: [{}] });
  assert.equal(cache.setPod(POD, 'pi-1'), undefined);
  assert.deepEqual(sums(cache), ONE);
  assert.equal(cache.removePod(POD.key)?.nodeName, 'pi-1');
  assert.deepEqual(sums(cache), NOTHING);
  assert.equal(cache.removePod(POD.key), undefined);
});

test('pods are counted by owner, and owners without pods are forgotten', () => {
  const cache = makeCache({ nodes: [{}, { name: 'pi-2' }] });
  cache.setPod(POD, 'pi-1');
  cache.setPod(podInfo({ name: 'b', owner: 'rs' }), 'pi-2');
  const { owners } = cache.snapshot(0);
  assert.deepEqual(
    [...(owners.get('rs') ?? [])],
    [
      ['pi-1', 1],
      ['pi-2', 1],
    ],
  );
  cache.removePod(POD.key);
  cache.removePod('default/b');
  assert.equal(owners.size, 0);
});

test('an assumed pod counts once when it is confirmed, and is not forgotten afterwards', () => {
  const cache = makeCache({ nodes: [{}] });
  cache.assume(POD, 'pi-1', 0);
  assert.deepEqual([sums(cache), cache.assumedCount], [ONE, 1]);
  assert.equal(cache.confirm(POD.key, POD.uid, 'pi-1'), true);
  cache.forget(POD);
  assert.deepEqual([sums(cache), cache.assumedCount], [ONE, 0]);
});

test('an assumed pod is forgotten when its bind failed', () => {
  const cache = makeCache({ nodes: [{}] });
  cache.assume(POD, 'pi-1', 0);
  cache.forget(POD);
  assert.deepEqual(sums(cache), NOTHING);
});

test('the successor of a name is not forgotten for its predecessor', () => {
  const cache = makeCache({ nodes: [{}] });
  cache.assume({ ...POD, uid: 'successor' }, 'pi-1', 0);
  cache.forget(POD);
  assert.deepEqual(sums(cache), ONE);
});

test('somebody else placed the pod elsewhere', () => {
  const cache = makeCache({ nodes: [{}, { name: 'pi-2' }] });
  cache.assume(POD, 'pi-1', 0);
  assert.equal(cache.confirm(POD.key, POD.uid, 'pi-2'), false);
  assert.equal(cache.setPod(POD, 'pi-2')?.nodeName, 'pi-1');
  assert.deepEqual([sums(cache), sums(cache, 'pi-2')], [NOTHING, ONE]);
});

test('pods may be known before their node, and outlive it', () => {
  const cache = makeCache({ nodes: [] });
  cache.setPod(POD, 'pi-1');
  assert.deepEqual([sums(cache), cache.nodes.length], [undefined, 0]);
  cache.setNode(makeNode());
  assert.deepEqual(sums(cache), ONE);
  cache.removeNode('pi-1');
  cache.setNode(makeNode());
  assert.deepEqual([sums(cache), cache.nodes.length], [ONE, 1]);
});
