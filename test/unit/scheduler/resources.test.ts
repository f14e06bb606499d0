/** What a node must have free for a pod: containers, init containers, sidecars, overhead, the pod as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computePodRequests } from '../../../shared/api/pod-requests.ts';
import { makeContainer, makePod } from './cluster.ts';

const MI = 2 ** 20;

function once(cpu: string) {
  return makeContainer({ cpu });
}

function sidecar(cpu: string) {
  return { ...makeContainer({ cpu }), restartPolicy: 'Always' as const };
}

const ROWS: {
  what: string;
  containers: string[];
  init?: ReturnType<typeof sidecar | typeof once>[];
  cpuMillis: number;
}[] = [
  { what: 'containers add up', containers: ['100m', '200m'], cpuMillis: 300 },
  { what: 'a small init container costs nothing more', containers: ['100m'], init: [once('50m')], cpuMillis: 100 },
  {
    what: 'init containers run one after the other',
    containers: ['100m'],
    init: [once('300m'), once('200m')],
    cpuMillis: 300,
  },
  { what: 'a sidecar stays beside the containers', containers: ['100m'], init: [sidecar('50m')], cpuMillis: 150 },
  {
    what: 'a sidecar that starts before an init container runs beside it',
    containers: ['100m'],
    init: [sidecar('50m'), once('300m')],
    cpuMillis: 350,
  },
  {
    what: 'a sidecar that starts after an init container does not',
    containers: ['100m'],
    init: [once('300m'), sidecar('50m')],
    cpuMillis: 300,
  },
];

for (const { what, containers, init = [], cpuMillis } of ROWS) {
  test(`requests: ${what}`, () => {
    const spec = { ...makePod().spec, containers: containers.map(once), initContainers: init };
    assert.equal(computePodRequests(spec).cpuMillis, cpuMillis);
  });
}

test('overhead comes on top', () => {
  const spec = {
    ...makePod({ requests: { cpu: '100m', memory: '64Mi' } }).spec,
    overhead: { cpu: '10m', memory: '8Mi' },
  };
  const { cpuMillis, memoryBytes } = computePodRequests(spec);
  assert.deepEqual([cpuMillis, memoryBytes], [110, 72 * MI]);
});

test('amounts of the pod as a whole take the place of the sums', () => {
  const spec = {
    ...makePod({ requests: { cpu: '100m', memory: '64Mi' } }).spec,
    resources: { requests: { cpu: '1' } },
  };
  const { cpuMillis, memoryBytes } = computePodRequests(spec);
  assert.deepEqual([cpuMillis, memoryBytes], [1000, 64 * MI]);
});

test('extended resources are counted by name; scoring assumes something where nothing is said', () => {
  const spec = {
    ...makePod().spec,
    containers: [makeContainer({ 'bramble.dev/gpio': '1' }), makeContainer({ 'bramble.dev/gpio': '2', cpu: '1' })],
  };
  const requests = computePodRequests(spec);
  assert.deepEqual([...requests.others], [['bramble.dev/gpio', 3]]);
  assert.deepEqual(
    [requests.cpuMillis, requests.scoringCpuMillis, requests.scoringMemoryBytes],
    [1000, 1100, 128 * MI],
  );
});
