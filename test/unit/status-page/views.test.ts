/** What the page shows, from what the cluster says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeBoard, renderModel } from '../../../master/status-page/views/board.ts';
import { computeEvent, newest } from '../../../master/status-page/views/event.ts';
import { computePod } from '../../../master/status-page/views/pod.ts';
import { computeRequest } from '../../../master/status-page/views/request.ts';
import { computeService } from '../../../master/status-page/views/service.ts';
import { MAX_TEXT_LENGTH, shorten } from '../../../master/status-page/views/text.ts';
import { computeVerdict, type VerdictFacts } from '../../../master/status-page/views/verdict.ts';
import { computeDeployment, computeJob, computeReplicaSet } from '../../../master/status-page/views/workload.ts';
import type { CertificateSigningRequest } from '../../../shared/api/certificate-signing-request.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Event } from '../../../shared/api/event.ts';
import type { Job } from '../../../shared/api/job.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import type { Service } from '../../../shared/api/service.ts';
import { deployment, fixture, node, pod, sensors, TIME } from './objects.ts';

describe('boards', () => {
  const levels: [string, Partial<NodeSensors>, object, string][] = [
    ['a fine board', { temperatureCelsius: 50, throttleCelsius: 80 }, {}, 'ok'],
    ['near its limit', { temperatureCelsius: 76, throttleCelsius: 80 }, {}, 'warning'],
    ['throttled', { throttled: true }, {}, 'warning'],
    ['too little voltage', { underVoltage: true }, {}, 'problem'],
    ['little disk', { diskTotalBytes: 100, diskAvailableBytes: 9 }, {}, 'warning'],
    ['cordoned', {}, { unschedulable: true }, 'warning'],
  ];
  for (const [what, reading, spec, level] of levels) {
    test(`${what}: ${level}`, () => {
      assert.equal(computeBoard(node('pi-1', 'True', spec), sensors('pi-1', reading), 3).level, level);
    });
  }
  test('a board that is lost', () => {
    const board = computeBoard(node('pi-1', 'Unknown'), undefined, 0);
    assert.deepEqual([board.level, board.ready, board.reason], ['problem', false, 'its link is down']);
  });
  test('what it holds, and nothing else', () => {
    const board = computeBoard(node('pi-1'), sensors('pi-1', { temperatureCelsius: 50.06, wifiSignalDbm: -60 }), 3);
    assert.equal(board.temperatureCelsius, 50.1);
    assert.equal(board.cpuMillis, 500);
    assert.equal(board.memoryCapacityBytes, 1024 ** 3);
    assert.equal(board.wifiSignalDbm, -60);
    assert.doesNotMatch(JSON.stringify(board), /hush/);
  });
  test('the model, as its label can hold it', () => {
    assert.equal(renderModel('raspberry-pi-3-model-b-plus-rev-1.3'), 'Raspberry Pi 3 Model B Plus Rev 1.3');
    assert.equal(renderModel(undefined), '');
  });
  test('conditions that ask for a look, said once', () => {
    const lost = { type: 'DiskPressure', status: 'Unknown', message: 'no word' };
    const full = { type: 'DiskPressure', status: 'True', message: 'little room' };
    const base = node('pi-1');
    const withCondition = (condition: object) =>
      computeBoard(
        fixture({ ...base, status: { ...base.status, conditions: [...(base.status.conditions ?? []), condition] } }),
        undefined,
        0,
      );
    assert.deepEqual(withCondition(full).complaints, ['DiskPressure: little room']);
    assert.deepEqual(withCondition(lost).complaints, []);
  });
});

describe('pods', () => {
  const waiting = (reason: string, message?: string) => ({
    containerStatuses: [{ name: 'c', ready: false, restartCount: 4, state: { waiting: { reason, message } } }],
  });
  const unplaced = {
    phase: 'Pending',
    containerStatuses: [],
    conditions: [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
    ],
  };
  const cases: [string, object, object, string, string, string][] = [
    ['runs', {}, {}, 'Running', 'ok', ''],
    ['starts', waiting('ContainerCreating'), {}, 'ContainerCreating', 'quiet', ''],
    ['crashes', waiting('CrashLoopBackOff', 'back-off'), {}, 'CrashLoopBackOff', 'problem', 'back-off'],
    ['has ended', { phase: 'Succeeded', containerStatuses: [] }, {}, 'Succeeded', 'quiet', ''],
    ['fits nowhere', unplaced, { nodeName: '' }, 'Pending', 'warning', '0/3 nodes are available'],
  ];
  for (const [what, status, spec, word, level, why] of cases) {
    test(`one that ${what}`, () => {
      const view = computePod(pod('web-1', status, { spec }));
      assert.deepEqual([view.status, view.level, view.why], [word, level, why]);
    });
  }
  test('the owner is a key, foreign owners are none', () => {
    const by = (kind: string) => ({ metadata: { ownerReferences: [{ kind, name: 'web', controller: true }] } });
    assert.equal(computePod(pod('a', {}, by('ReplicaSet'))).owner, 'workload/ReplicaSet/default/web');
    assert.equal(computePod(pod('a', {}, by('Node'))).owner, undefined);
  });
  test('no environment, no annotations', () => assert.doesNotMatch(JSON.stringify(computePod(pod('a'))), /hush/));
});

describe('workloads', () => {
  test('levels of deployments', () => {
    assert.equal(computeDeployment(deployment(2)).level, 'ok');
    assert.equal(computeDeployment(deployment(1)).level, 'warning');
    assert.equal(computeDeployment(deployment(0)).level, 'problem');
    assert.equal(computeDeployment(deployment(0, { replicas: 0 })).level, 'quiet');
    assert.match(computeDeployment(deployment(2, { paused: true })).state, /^paused, 2 of 2/);
  });
  test('old replica sets are not shown', () => {
    const metadata = { namespace: 'default', name: 'web-1', creationTimestamp: TIME };
    const make = (replicas: number) => fixture<ReplicaSet>({ metadata, spec: { replicas }, status: { replicas } });
    assert.equal(computeReplicaSet(make(0)), undefined);
    assert.equal(computeReplicaSet(make(2))?.state, '0 of 2 ready');
  });
  test('jobs', () => {
    const metadata = { namespace: 'default', name: 'one', creationTimestamp: TIME };
    const make = (status: object) => computeJob(fixture<Job>({ metadata, spec: { completions: 2 }, status }));
    assert.deepEqual([make({ active: 1 }).state, make({ active: 1 }).level], ['0 of 2 done, 1 active', 'ok']);
    assert.equal(make({ conditions: [{ type: 'Complete', status: 'True' }] }).level, 'quiet');
    assert.equal(
      make({ conditions: [{ type: 'Failed', status: 'True', message: 'too often' }] }).state,
      'failed: too often',
    );
  });
});

test('services count their endpoints', () => {
  const service = fixture<Service>({
    metadata: { namespace: 'default', name: 'web', creationTimestamp: TIME },
    spec: {
      type: 'NodePort',
      clusterIP: '10.0.0.1',
      selector: { app: 'web' },
      ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
    },
    status: { loadBalancer: {} },
  });
  const slice = fixture<EndpointSlice>({
    endpoints: [{ conditions: { ready: true } }, { conditions: { ready: false } }],
  });
  const view = computeService(service, [slice]);
  assert.deepEqual([view.ready, view.endpoints, view.level, view.ports], [1, 2, 'ok', ['80:30080/TCP']]);
  assert.equal(computeService(service, []).level, 'warning');
});

test('the newest events, as short as a page needs them', () => {
  const make = (name: string, lastTimestamp: string) =>
    fixture<Event>({
      metadata: { name },
      involvedObject: { kind: 'Pod', name },
      type: 'Warning',
      message: 'x'.repeat(1_000),
      lastTimestamp,
    });
  const events = [
    make('a', '2026-11-22T10:00:00Z'),
    make('b', '2026-11-22T12:00:00Z'),
    make('c', '2026-11-22T11:00:00Z'),
  ];
  assert.deepEqual(
    newest(events, 2).map(({ metadata }) => metadata.name),
    ['b', 'c'],
  );
  assert.equal(computeEvent(make('a', TIME)).message.length, MAX_TEXT_LENGTH);
});

test('texts are cut between characters', () => {
  assert.equal(shorten('ab😀cd', 4), 'ab…');
  assert.equal(shorten(undefined), '');
});

test('only requests of boards that wait are shown', () => {
  const request = (fields: object) =>
    computeRequest(
      fixture<CertificateSigningRequest>({
        metadata: { name: 'a' },
        status: {},
        spec: { request: 'eA==', signerName: 'x', ...fields },
      }),
    );
  assert.equal(request({}), undefined);
  assert.equal(request({ signerName: 'kubernetes.io/kube-apiserver-client-kubelet' }), undefined);
});

describe('the verdict', () => {
  const fine: VerdictFacts = {
    boards: [computeBoard(node('pi-1'), sensors('pi-1'), 1)],
    workloads: [computeDeployment(deployment(2))],
    pods: [computePod(pod('a'))],
    services: [],
    requests: [],
  };
  test('all is well', () => assert.deepEqual(computeVerdict(fine), { level: 'ok', reasons: [], more: 0 }));
  test('no boards', () =>
    assert.equal(computeVerdict({ ...fine, boards: [] }).reasons[0]?.text, 'No board has joined yet.'));
  test('the worst first, each with what it is about', () => {
    const { level, reasons } = computeVerdict({
      ...fine,
      boards: [
        computeBoard(node('hot'), sensors('hot', { temperatureCelsius: 79, throttleCelsius: 80 }), 0),
        computeBoard(node('lost', 'Unknown'), undefined, 0),
      ],
      requests: [{ name: 'csr-1', node: 'pi-9', askedBy: 'x', createdAt: TIME }],
    });
    assert.equal(level, 'problem');
    assert.deepEqual(
      reasons.map(({ about, text }) => `${about}: ${text}`),
      [
        'board/lost: lost is not ready: its link is down',
        'board/hot: hot is hot: 79 °C, its limit is 80 °C.',
        'request/csr-1: Board pi-9 asks to be let in.',
      ],
    );
  });
  test('the rest is counted', () => {
    const boards = Array.from({ length: 20 }, (_, index) => computeBoard(node(`pi-${index}`, 'Unknown'), undefined, 0));
    const { reasons, more } = computeVerdict({ ...fine, boards });
    assert.deepEqual([reasons.length, more], [8, 12]);
  });
  test('what an owner says is not said again', () => {
    const set = { ...computeDeployment(deployment(0)), kind: 'ReplicaSet', owner: 'workload/Deployment/default/web' };
    assert.equal(computeVerdict({ ...fine, workloads: [set] }).level, 'ok');
  });
});
