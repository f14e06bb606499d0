/** READY, STATUS and RESTARTS of pods in all their states, as kubectl users know them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus } from '../../../shared/api/container-status.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { cells, stored } from './support.ts';

type Status = Partial<ContainerStatus>;

const finishedAt = '2026-11-22T11:55:00Z';
const running: Status = { state: { running: {} }, ready: true };
const starting: Status = { state: { running: {} }, ready: false };
const creating: Status = { state: { waiting: { reason: 'ContainerCreating' } } };
const done: Status = { state: { terminated: { exitCode: 0, reason: 'Completed' } } };
const crashing: Status = {
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  restartCount: 2,
  lastState: { terminated: { exitCode: 1, finishedAt } },
};

interface Case {
  name: string;
  containers?: Status[];
  init?: Status[];
  /** Which init containers keep running. */
  sidecars?: number[];
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  conditions?: Record<string, 'True' | 'False'>;
  reason?: string;
  deleted?: boolean;
  /** READY STATUS RESTARTS */
  shows: string;
}

const CASES: Case[] = [
  { name: 'not placed yet', shows: '0/1 Pending 0' },
  { name: 'image is being pulled', containers: [creating], shows: '0/1 ContainerCreating 0' },
  { name: 'runs', phase: 'Running', containers: [running], shows: '1/1 Running 0' },
  { name: 'runs and is not ready', phase: 'Running', containers: [starting, running], shows: '1/2 Running 0' },
  {
    name: 'was restarted',
    phase: 'Running',
    containers: [{ ...running, restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt } } }],
    shows: '1/1 Running 2 (5m ago)',
  },
  { name: 'crashes', phase: 'Running', containers: [crashing], shows: '0/1 CrashLoopBackOff 2 (5m ago)' },
  {
    name: 'first of two crashes',
    phase: 'Running',
    containers: [crashing, running],
    shows: '1/2 CrashLoopBackOff 2 (5m ago)',
  },
  {
    name: 'killed for memory',
    phase: 'Failed',
    containers: [{ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }],
    shows: '0/1 OOMKilled 0',
  },
  {
    name: 'ended without a reason',
    phase: 'Failed',
    containers: [{ state: { terminated: { exitCode: 3 } } }],
    shows: '0/1 ExitCode:3 0',
  },
  {
    name: 'ended by a signal',
    phase: 'Failed',
    containers: [{ state: { terminated: { exitCode: 0, signal: 9 } } }],
    shows: '0/1 Signal:9 0',
  },
  { name: 'has done its work', phase: 'Succeeded', containers: [done], shows: '0/1 Completed 0' },
  {
    name: 'one is done, one runs',
    phase: 'Running',
    containers: [done, running],
    conditions: { Ready: 'True' },
    shows: '1/2 Running 0',
  },
  {
    name: 'one is done, one runs, the pod is not ready',
    phase: 'Running',
    containers: [done, running],
    conditions: { Ready: 'False' },
    shows: '1/2 NotReady 0',
  },
  { name: 'evicted', phase: 'Failed', reason: 'Evicted', shows: '0/1 Evicted 0' },
  { name: 'first init container runs', init: [starting, creating], shows: '0/1 Init:0/2 0' },
  {
    name: 'second init container waits its turn',
    init: [done, { state: { waiting: { reason: 'PodInitializing' } } }],
    shows: '0/1 Init:1/2 0',
  },
  { name: 'init container crashes', init: [crashing], shows: '0/1 Init:CrashLoopBackOff 2 (5m ago)' },
  {
    name: 'init container failed',
    init: [{ state: { terminated: { exitCode: 2, reason: 'Error' } } }],
    shows: '0/1 Init:Error 0',
  },
  {
    name: 'init container failed without a reason',
    init: [{ state: { terminated: { exitCode: 2 } } }],
    shows: '0/1 Init:ExitCode:2 0',
  },
  {
    name: 'initialized, restarts of init containers are forgotten',
    phase: 'Running',
    init: [{ ...done, restartCount: 3 }],
    containers: [running],
    shows: '1/1 Running 0',
  },
  {
    name: 'sidecar runs beside the container',
    phase: 'Running',
    init: [{ ...running, started: true, restartCount: 1 }],
    sidecars: [0],
    containers: [running],
    shows: '2/2 Running 1',
  },
  {
    name: 'sidecar starts',
    init: [{ ...starting, started: false }],
    sidecars: [0],
    shows: '0/2 Init:0/1 0',
  },
  {
    name: 'sidecar starts again after the pod was initialized',
    phase: 'Running',
    init: [{ ...starting, started: false }],
    sidecars: [0],
    conditions: { Initialized: 'True' },
    containers: [running],
    shows: '1/2 Init:0/1 0',
  },
  { name: 'is being deleted', phase: 'Running', containers: [running], deleted: true, shows: '1/1 Terminating 0' },
  { name: 'is deleted after its end', phase: 'Succeeded', containers: [done], deleted: true, shows: '0/1 Completed 0' },
  {
    name: 'its node is lost',
    phase: 'Running',
    containers: [running],
    deleted: true,
    reason: 'NodeLost',
    shows: '1/1 Unknown 0',
  },
];

function podOf({ containers, init = [], sidecars = [], phase, conditions = {}, reason, deleted }: Case): Pod {
  const named = (statuses: Status[], prefix: string): ContainerStatus[] =>
    statuses.map((status, index) => ({
      name: `${prefix}${index}`,
      image: 'a',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: {},
      lastState: {},
      ...status,
    }));
  const program = (name: string): { name: string; image: string } => ({ name, image: 'a:1' });
  const draft: Draft<Pod> = {
    metadata: deleted ? { deletionTimestamp: '2026-11-22T11:59:00Z' } : {},
    spec: {
      containers: (containers ?? [{}]).map((_, index) => program(`c${index}`)),
      initContainers: init.map((_, index) => ({
        ...program(`i${index}`),
        ...(sidecars.includes(index) ? { restartPolicy: 'Always' as const } : {}),
      })),
    },
    status: {
      phase: phase ?? 'Pending',
      reason,
      conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })),
      containerStatuses: named(containers ?? [], 'c'),
      initContainerStatuses: named(init, 'i'),
    },
  };
  return stored(PodKind, draft);
}

for (const each of CASES) {
  test(`${each.name}: ${each.shows}`, () => {
    const { Ready, Status: status, Restarts } = cells(PodKind, podOf(each));
    assert.equal(`${Ready} ${status} ${Restarts}`, each.shows);
  });
}

test('a pod held by gates says so', () => {
  const pod = podOf({ name: '', shows: '' });
  pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }];
  assert.equal(cells(PodKind, pod)['Status'], 'SchedulingGated');
});

test('wide columns name addresses, nodes and gates', () => {
  const pod = podOf({ name: '', shows: '' });
  const wide = (): unknown[] => {
    const { IP, Node, 'Nominated Node': nominated, 'Readiness Gates': gates } = cells(PodKind, pod);
    return [IP, Node, nominated, gates];
  };
  assert.deepEqual(wide(), ['<none>', '<none>', '<none>', '<none>']);
  pod.spec.nodeName = 'pi-1';
  pod.spec.readinessGates = [{ conditionType: 'a' }, { conditionType: 'b' }];
  pod.status.podIPs = [{ ip: '10.42.0.7' }];
  pod.status.nominatedNodeName = 'pi-2';
  pod.status.conditions = [{ type: 'a', status: 'True' }];
  assert.deepEqual(wide(), ['10.42.0.7', 'pi-1', 'pi-2', '1/2']);
});

test('pods are selected by node, phase and more', () => {
  const pod = podOf({ name: '', phase: 'Running', shows: '' });
  pod.spec.nodeName = 'pi-1';
  const values = Object.entries(PodKind.selectableFields).map(([path, read]) => `${path}=${read(pod)}`);
  assert.deepEqual(values, [
    'spec.nodeName=pi-1',
    'spec.restartPolicy=Always',
    'spec.schedulerName=default-scheduler',
    'spec.serviceAccountName=',
    'spec.hostNetwork=false',
    'status.phase=Running',
    'status.podIP=',
    'status.nominatedNodeName=',
  ]);
});
