/** Lost nodes: the restless one is damped, the master doubts itself, and deletions on dead nodes are finished. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeDeadPods } from '../../../master/controllers/node-lifecycle/dead-pods.ts';
import { computeEvictions } from '../../../master/controllers/node-lifecycle/evictions.ts';
import { HALF_LIFE_MS, LinkHistory, MAX_PENALTY } from '../../../master/controllers/node-lifecycle/link-history.ts';
import { AT_ONCE_MS, computeDoubt, doubtForMs } from '../../../master/controllers/node-lifecycle/self-doubt.ts';
import {
  computeNodeLifecycleSettings,
  DEFAULT_NODE_LIFECYCLE_SETTINGS,
} from '../../../master/controllers/node-lifecycle/settings.ts';
import { computeNodeTaints } from '../../../master/controllers/node-lifecycle/taints.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { makeNode, makePod, type PodOptions } from '../scheduler/cluster.ts';
import { at, START_MS } from './objects.ts';

const SECOND_MS = 1_000;

describe('a restless node', () => {
  /** Losses at these seconds, each two seconds long. */
  const afterLosses = (...seconds: number[]): LinkHistory => {
    const history = new LinkHistory();
    history.note('pi', true, 0);
    for (const second of seconds) {
      history.note('pi', false, second * SECOND_MS);
      history.note('pi', true, (second + 2) * SECOND_MS);
    }
    return history;
  };

  test('is damped after the third loss in a short time, and not after as many in a long one', () => {
    assert.equal(afterLosses(0, 20).dampedForMs('pi', 30_000), undefined);
    assert.ok((afterLosses(0, 20, 40).dampedForMs('pi', 45_000) ?? 0) > 60_000);
    assert.equal(afterLosses(0, 300, 600).dampedForMs('pi', 605_000), undefined);
  });

  test('is free again when it has been quiet for a while, and however long it was restless', () => {
    const history = afterLosses(...Array.from({ length: 100 }, (_, index) => index * 4));
    const leftMs = history.dampedForMs('pi', 400_000) ?? 0;
    assert.ok(leftMs <= HALF_LIFE_MS * Math.log2(MAX_PENALTY), `${leftMs}`);
    assert.ok((history.dampedForMs('pi', 400_000 + leftMs - 1_000) ?? 0) > 0);
    assert.equal(history.dampedForMs('pi', 400_000 + leftMs + 1), undefined);
  });

  test('gets a taint that keeps new pods away, and loses it', () => {
    const node = makeNode();
    const taints = computeNodeTaints(node, START_MS, { isDamped: true, isDoubted: false });
    assert.deepEqual(taints, [{ key: 'bramble.dev/flapping', effect: 'NoSchedule' }]);
    const calm = { isDamped: false, isDoubted: false };
    assert.deepEqual(computeNodeTaints({ ...node, spec: { taints: taints ?? [] } }, START_MS, calm), []);
  });

  test('that is down says since when, and is forgotten with its object', () => {
    const history = new LinkHistory();
    history.note('pi', false, 7);
    history.note('pi', false, 9);
    assert.equal(history.downSinceMs('pi'), 7);
    assert.deepEqual(history.census(), { lostMs: [7], up: 0 });
    history.forget('pi');
    assert.equal(history.downSinceMs('pi'), undefined);
  });
});

describe('the master', () => {
  const settings = DEFAULT_NODE_LIFECYCLE_SETTINGS;
  const NOW_MS = 10_000_000;
  const CASES: { what: string; lostSecondsAgo: number[]; up: number; doubts: boolean }[] = [
    { what: 'one of three', lostSecondsAgo: [0], up: 2, doubts: false },
    { what: 'two of three', lostSecondsAgo: [1, 0], up: 1, doubts: true },
    { what: 'all of two', lostSecondsAgo: [1, 0], up: 0, doubts: true },
    { what: 'the only one', lostSecondsAgo: [0], up: 0, doubts: false },
    { what: 'half of ten', lostSecondsAgo: [5, 4, 3, 2, 1], up: 5, doubts: false },
    { what: 'six of ten', lostSecondsAgo: [6, 5, 4, 3, 2, 1], up: 4, doubts: true },
    { what: 'six of ten, over hours', lostSecondsAgo: [20_000, 10_000, 5_000, 4_000, 3_000, 0], up: 4, doubts: false },
    { what: 'the second of three, the first has been dead for long', lostSecondsAgo: [9_000, 0], up: 1, doubts: false },
  ];
  for (const { what, lostSecondsAgo, up, doubts } of CASES) {
    test(`${doubts ? 'doubts itself' : 'trusts itself'}: ${what}`, () => {
      const lostMs = lostSecondsAgo.map((seconds) => NOW_MS - seconds * SECOND_MS);
      assert.equal(computeDoubt({ lostMs, up }, undefined, { nowMs: NOW_MS, settings }), doubts ? NOW_MS : undefined);
    });
  }

  test('trusts itself again when nodes come back, and stops waiting after its time', () => {
    const sinceMs = NOW_MS - 100_000;
    const lostMs = [sinceMs - AT_ONCE_MS + 1, sinceMs, sinceMs + 50_000];
    assert.equal(computeDoubt({ lostMs, up: 1 }, sinceMs, { nowMs: NOW_MS, settings }), sinceMs);
    assert.equal(computeDoubt({ lostMs: lostMs.slice(1), up: 2 }, sinceMs, { nowMs: NOW_MS, settings }), undefined);
    assert.equal(doubtForMs(sinceMs, NOW_MS, settings), settings.selfDoubtMs - 100_000);
    assert.equal(doubtForMs(sinceMs, sinceMs + settings.selfDoubtMs, settings), 0);
    assert.equal(doubtForMs(undefined, NOW_MS, settings), 0);
  });

  test('never doubts itself when told so', () => {
    const all = { lostMs: [NOW_MS, NOW_MS, NOW_MS], up: 0 };
    for (const never of [{ selfDoubtSeconds: 0 }, { selfDoubtShare: 1 }]) {
      const told = computeNodeLifecycleSettings(never);
      assert.equal(computeDoubt(all, undefined, { nowMs: NOW_MS, settings: told }), undefined);
    }
  });

  test('in doubt drives nobody away because a node is out of reach, other taints go on', () => {
    const unreachable = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' as const };
    const lost = makeNode({ taints: [unreachable] });
    const due = (isReachable: boolean, node = lost): number =>
      computeEvictions(node, [makePod()], { nowMs: START_MS, isReachable }).due.length;
    assert.deepEqual([due(true), due(false)], [0, 1]);
    assert.equal(due(true, makeNode({ taints: [unreachable, { key: 'gone', effect: 'NoExecute' }] })), 1);
    const { status, ...rest } = makeNode();
    const unknown = { ...rest, status: { ...status, conditions: [{ type: 'Ready', status: 'Unknown' as const }] } };
    const effects = (isDoubted: boolean) =>
      computeNodeTaints(unknown, START_MS, { isDamped: false, isDoubted })?.map(({ effect }) => effect);
    assert.deepEqual(effects(true), ['NoSchedule']);
    assert.deepEqual(effects(false), ['NoSchedule', 'NoExecute']);
  });
});

describe('pods that were deleted on a dead node', () => {
  const OUT_OF_SERVICE = { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' as const };

  function pod(options: PodOptions & { ownerKind?: string; deletedSeconds?: number } = {}): Pod {
    const { ownerKind = 'ReplicaSet', deletedSeconds, ...rest } = options;
    const { metadata, ...made } = makePod({ owner: 'owner', ...rest });
    const ownerReferences = metadata.ownerReferences?.map((owner) => ({ ...owner, kind: ownerKind })) ?? [];
    const deletion = deletedSeconds === undefined ? {} : { deletionTimestamp: at(deletedSeconds) };
    return { ...made, metadata: { ...metadata, ownerReferences, ...deletion } };
  }

  /** As the deletion of a set leaves its pods behind when they are to stay. */
  function letGo({ metadata, ...rest }: Pod): Pod {
    const labels = { 'statefulset.kubernetes.io/pod-name': metadata.name };
    return { ...rest, metadata: { ...metadata, labels, ownerReferences: [] } };
  }

  /** Of sets that are there. */
  const isBoundToReturn = ({ metadata }: Pod) => metadata.name === 'daemon';

  const CASES: { what: string; pod: Pod; downSeconds?: number; vouched?: boolean; inMs: number | 'now' | undefined }[] =
    [
      { what: 'of a DaemonSet', pod: pod({ name: 'daemon', deletedSeconds: -600 }), inMs: undefined },
      { what: 'of a DaemonSet that is gone', pod: pod({ ownerKind: 'DaemonSet', deletedSeconds: -600 }), inMs: 'now' },
      {
        what: 'of a DaemonSet, vouched for',
        pod: pod({ name: 'daemon', deletedSeconds: 0 }),
        vouched: true,
        inMs: 'now',
      },
      { what: 'nobody deleted it', pod: pod(), inMs: undefined },
      { what: 'the bound is not over', pod: pod({ deletedSeconds: -20 }), inMs: 40_000 },
      { what: 'its grace is not over', pod: pod({ deletedSeconds: 30 }), inMs: 90_000 },
      { what: 'the bound is over', pod: pod({ deletedSeconds: -60 }), inMs: 'now' },
      { what: 'the node was lost just now', pod: pod({ deletedSeconds: -600 }), downSeconds: 10, inMs: 50_000 },
      { what: 'of a StatefulSet', pod: pod({ ownerKind: 'StatefulSet', deletedSeconds: -600 }), inMs: undefined },
      {
        what: 'its StatefulSet let go of it',
        pod: letGo(pod({ name: 'db-0', deletedSeconds: -600 })),
        inMs: undefined,
      },
      { what: 'vouched for', pod: pod({ deletedSeconds: 30 }), downSeconds: 1, vouched: true, inMs: 'now' },
      {
        what: 'of a StatefulSet, vouched for',
        pod: pod({ ownerKind: 'StatefulSet', deletedSeconds: 0 }),
        vouched: true,
        inMs: 'now',
      },
      {
        what: 'bears that its node is out of service',
        pod: pod({ ownerKind: 'StatefulSet', deletedSeconds: -600, tolerations: [{ operator: 'Exists' }] }),
        vouched: true,
        inMs: undefined,
      },
    ];
  for (const { what, pod: one, downSeconds = 3_600, vouched = false, inMs } of CASES) {
    test(what, () => {
      const node = makeNode({ taints: vouched ? [OUT_OF_SERVICE] : [] });
      const times = { downForMs: downSeconds * SECOND_MS, nowMs: START_MS, deadPodMs: 60_000 };
      const { due, nextInMs } = computeDeadPods({ node, pods: [one], ...times, isBoundToReturn });
      assert.deepEqual([due.length, nextInMs], inMs === 'now' ? [1, undefined] : [0, inMs]);
    });
  }
});
