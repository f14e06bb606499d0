/** Pods that a node ended: which go when, whatever the clocks say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeNodeEnded, NODE_ENDED_KEPT_MS } from '../../../master/controllers/node-ended-pods.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { makePod } from '../scheduler/cluster.ts';

const NOW_MS = Date.parse('2026-06-01T00:00:00Z');

function ended(name: string, agoMs: number, { reason = 'Terminated', owner = 'rs' as string | undefined } = {}): Pod {
  const pod = makePod({ name, ...(owner === undefined ? {} : { owner }) });
  const turned = { type: 'ContainersReady', status: 'False', lastTransitionTime: formatTime(NOW_MS - agoMs) } as const;
  return { ...pod, status: { ...pod.status, phase: 'Failed', reason, conditions: [turned] } };
}

function dueOf(pods: readonly Pod[], seenForMs = 0): string[] {
  return computeNodeEnded(pods, { nowMs: NOW_MS, seenForMs: () => seenForMs }).due.map(({ metadata }) => metadata.name);
}

test('they are kept for a while, and three an owner', () => {
  const pods = [0, 1, 2, 3].map((index) => ended(`p${index}`, index * 1_000));
  assert.deepEqual(dueOf(pods), ['p3']);
  assert.deepEqual(dueOf([ended('old', NODE_ENDED_KEPT_MS), ended('new', NODE_ENDED_KEPT_MS - 1_000)]), ['old']);
});

test('a board that was switched off counts as one that evicted', () => {
  const pods = ['Terminated', 'NodeShutdown', 'Evicted', 'OutOfcpu', 'Error'].map((reason, index) =>
    ended(reason, NODE_ENDED_KEPT_MS, { reason, owner: `rs-${index}` }),
  );
  assert.deepEqual(dueOf(pods), ['Terminated', 'NodeShutdown', 'Evicted', 'OutOfcpu']);
});

test('a pod that nobody replaces stays', () => {
  const alone = ended('alone', NODE_ENDED_KEPT_MS);
  const { ownerReferences: _, ...metadata } = alone.metadata;
  assert.deepEqual(dueOf([{ ...alone, metadata }]), []);
});

test('a clock that was ahead when the pod ended does not keep it for longer', () => {
  const ahead = ended('ahead', -400 * 86_400_000);
  assert.deepEqual(dueOf([ahead], NODE_ENDED_KEPT_MS - 1), []);
  assert.deepEqual(dueOf([ahead], NODE_ENDED_KEPT_MS), ['ahead']);
  const { nextInMs } = computeNodeEnded([ahead], { nowMs: NOW_MS, seenForMs: () => 1_000 });
  assert.equal(nextInMs, NODE_ENDED_KEPT_MS - 1_000);
});
