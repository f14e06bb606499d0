/** Each witness speaks up at the history that it is there for, and is silent at the one beside it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Journal, type PodOnBoard, type Witness } from './journal.ts';
import {
  CLAIM_LAG_MS,
  jobCountsOnce,
  jobWithinBounds,
  LAG_MS,
  oneDaemonPerBoard,
  oneRunsPerName,
  onlyFeasibleBoards,
  slotStartsOnce,
} from './witnesses.ts';

interface Step {
  key?: string;
  value?: object;
  start?: PodOnBoard;
  others?: PodOnBoard[];
  waitMs?: number;
}

/** What the witness says of that history. */
function judge(witness: Witness, steps: readonly Step[]): string[] {
  let nowMs = 0;
  const journal = new Journal([witness], () => nowMs);
  for (const { key, value, start, others = [], waitMs = 0 } of steps) {
    nowMs += waitMs;
    if (key !== undefined) journal.noteWrite({ key, value: value && JSON.stringify(value) });
    if (start !== undefined) journal.noteStart({ pod: start, others });
  }
  return journal.takeComplaints();
}

interface PodOptions {
  phase?: string;
  index?: number;
  node?: string;
  isGoing?: boolean;
  /** Its job does not wait for how it ends. */
  isLetGo?: boolean;
  spec?: object;
}

function ownedBy(kind: string, uid = `uid of ${kind}`) {
  return [{ apiVersion: 'v1', kind, name: 'it', uid, controller: true }];
}

function pod(
  name: string,
  owner: string,
  { phase = 'Pending', index, node, isGoing, isLetGo, spec }: PodOptions = {},
): Step {
  const metadata = {
    name,
    namespace: 'default',
    uid: name,
    ownerReferences: ownedBy(owner),
    annotations: index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(index) },
    ...(isLetGo ? {} : { finalizers: ['batch.kubernetes.io/job-tracking'] }),
    ...(isGoing ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  };
  const value = { metadata, spec: { ...(node === undefined ? {} : { nodeName: node }), ...spec }, status: { phase } };
  return { key: `/core/pods/default/${name}`, value };
}

function job(spec: object, status: object = {}): Step {
  const metadata = { name: 'it', namespace: 'default', uid: 'uid of Job' };
  return { key: '/batch/jobs/default/it', value: { metadata, spec, status } };
}

function slot(uid: string, time: string, name = `it-${Date.parse(time) / 60_000}`): Step {
  const annotations = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': time };
  const metadata = { name, namespace: 'default', uid, annotations, ownerReferences: ownedBy('CronJob') };
  return { key: `/batch/jobs/default/${name}`, value: { metadata, spec: {}, status: {} } };
}

function daemons(maxSurge: number): Step {
  const spec = { updateStrategy: { rollingUpdate: { maxSurge } } };
  const metadata = { name: 'it', namespace: 'default', uid: 'uid of DaemonSet' };
  return { key: '/apps/daemonsets/default/it', value: { metadata, spec } };
}

function node(labels: object, unschedulable = false): Step {
  return { key: '/core/nodes/pi-1', value: { metadata: { name: 'pi-1', labels }, spec: { unschedulable } } };
}

const gone = ({ key }: Step): Step => ({ ...(key === undefined ? {} : { key }) });
const on = (board: string, name: string, uid = name): PodOnBoard => ({ board, uid, namespace: 'default', name });
const claim = { spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-x' } }] } };
const ssd = { spec: { nodeSelector: { disk: 'ssd' } } };
const two = { parallelism: 2, completions: 3 };

const cases: [why: string, make: () => Witness, wrong: boolean, history: Step[]][] = [
  [
    'a name on two boards',
    () => oneRunsPerName,
    true,
    [{ start: on('b', 'db-0', '2'), others: [on('a', 'db-0', '1')] }],
  ],
  [
    'a second pod of a name on a board',
    () => oneRunsPerName,
    true,
    [{ start: on('a', 'db-0', '2'), others: [on('a', 'db-0', '1')] }],
  ],
  ['a second container of a pod', () => oneRunsPerName, false, [{ start: on('a', 'db-0'), others: [on('a', 'db-0')] }]],
  ['another name', () => oneRunsPerName, false, [{ start: on('b', 'db-0'), others: [on('a', 'db-1')] }]],
  [
    'a second daemon',
    () => oneDaemonPerBoard,
    true,
    [daemons(0), pod('x', 'DaemonSet', { node: 'a' }), pod('y', 'DaemonSet', { node: 'a' })],
  ],
  [
    'a daemon beside one that leaves',
    () => oneDaemonPerBoard,
    false,
    [daemons(0), pod('x', 'DaemonSet', { node: 'a', isGoing: true }), pod('y', 'DaemonSet', { node: 'a' })],
  ],
  [
    'a surge',
    () => oneDaemonPerBoard,
    false,
    [daemons(1), pod('x', 'DaemonSet', { node: 'a' }), pod('y', 'DaemonSet', { node: 'a' })],
  ],
  [
    'more than a surge',
    () => oneDaemonPerBoard,
    true,
    [daemons(1), ...['x', 'y', 'z'].map((name) => pod(name, 'DaemonSet', { node: 'a' }))],
  ],
  [
    'a second daemon that runs',
    () => oneDaemonPerBoard,
    true,
    [daemons(0), pod('x', 'DaemonSet'), pod('y', 'DaemonSet'), { start: on('a', 'x'), others: [on('a', 'y')] }],
  ],
  ['too many pods of a job', jobWithinBounds, true, [job(two), pod('x', 'Job'), pod('y', 'Job'), pod('z', 'Job')]],
  ['as many as it may have', jobWithinBounds, false, [job(two), pod('x', 'Job'), pod('y', 'Job')]],
  [
    'more than are missing',
    jobWithinBounds,
    true,
    [job({ ...two, completions: 1 }), pod('x', 'Job', { phase: 'Succeeded' }), pod('y', 'Job')],
  ],
  [
    'less is wanted since a moment',
    jobWithinBounds,
    false,
    [job(two), job({ ...two, parallelism: 0 }), pod('x', 'Job')],
  ],
  [
    'less is wanted since long',
    jobWithinBounds,
    true,
    [job(two), job({ ...two, parallelism: 0 }), { ...pod('x', 'Job'), waitMs: LAG_MS + 1 }],
  ],
  ['it rests', jobWithinBounds, true, [job({ ...two, suspend: true }), pod('x', 'Job')]],
  ['an index twice', jobWithinBounds, true, [job(two), pod('x', 'Job', { index: 0 }), pod('y', 'Job', { index: 0 })]],
  [
    'an index again',
    jobWithinBounds,
    true,
    [job(two), pod('x', 'Job', { index: 0, phase: 'Succeeded' }), pod('y', 'Job', { index: 0 })],
  ],
  [
    'an index that its job let go',
    jobWithinBounds,
    false,
    [job(two), pod('x', 'Job', { index: 0, phase: 'Succeeded', isLetGo: true }), pod('y', 'Job', { index: 0 })],
  ],
  [
    'an index after it failed',
    jobWithinBounds,
    false,
    [job(two), pod('x', 'Job', { index: 0, phase: 'Failed' }), pod('y', 'Job', { index: 0 })],
  ],
  [
    'a success counted twice',
    jobCountsOnce,
    true,
    [job(two), pod('x', 'Job', { phase: 'Succeeded' }), job(two, { succeeded: 2 })],
  ],
  ['a success', jobCountsOnce, false, [job(two), pod('x', 'Job', { phase: 'Succeeded' }), job(two, { succeeded: 1 })]],
  [
    'a failure counted twice',
    jobCountsOnce,
    true,
    [job(two), pod('x', 'Job', { phase: 'Failed' }), job(two, { failed: 2 })],
  ],
  [
    'a success forgotten',
    jobCountsOnce,
    true,
    [pod('x', 'Job', { phase: 'Succeeded' }), job(two, { succeeded: 1 }), job(two)],
  ],
  [
    'a slot twice',
    slotStartsOnce,
    true,
    [
      slot('1', '2026-01-01T10:00:00Z'),
      gone(slot('1', '2026-01-01T10:00:00Z')),
      slot('2', '2026-01-01T11:00:00+01:00'),
    ],
  ],
  ['a slot with a name of its own', slotStartsOnce, true, [slot('1', '2026-01-01T10:00:00Z', 'it-x7f2q')]],
  ['another slot', slotStartsOnce, false, [slot('1', '2026-01-01T10:00:00Z'), slot('2', '2026-01-01T10:01:00Z')]],
  [
    'a board without the label',
    onlyFeasibleBoards,
    true,
    [node({}), pod('x', 'Job', ssd), pod('x', 'Job', { ...ssd, node: 'pi-1' })],
  ],
  [
    'a board with the label',
    onlyFeasibleBoards,
    false,
    [node({ disk: 'ssd' }), pod('x', 'Job', { ...ssd, node: 'pi-1' })],
  ],
  [
    'a board that is closed',
    onlyFeasibleBoards,
    true,
    [node({}, true), { ...pod('x', 'Job', { node: 'pi-1' }), waitMs: LAG_MS + 1 }],
  ],
  [
    'a board that was closed while claims were bound to it',
    onlyFeasibleBoards,
    false,
    [node({}, true), { ...pod('x', 'Job', { ...claim, node: 'pi-1' }), waitMs: LAG_MS + 1 }],
  ],
  [
    'a board that was closed long before claims were bound to it',
    onlyFeasibleBoards,
    true,
    [node({}, true), { ...pod('x', 'Job', { ...claim, node: 'pi-1' }), waitMs: CLAIM_LAG_MS + 1 }],
  ],
  ['a board that has just been closed', onlyFeasibleBoards, false, [node({}, true), pod('x', 'Job', { node: 'pi-1' })]],
];

describe('witnesses', () => {
  for (const [why, make, wrong, history] of cases) {
    test(`${why} is ${wrong ? 'wrong' : 'fine'}`, () => {
      const complaints = judge(make(), history);
      assert.equal(complaints.length > 0, wrong, complaints.join('; '));
    });
  }
});
