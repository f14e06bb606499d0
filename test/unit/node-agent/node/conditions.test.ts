/** The Node's conditions, amounts and labels: what is shown, what is written, and what is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  computeAmountChanges,
  computeLabelChanges,
  computeStatusChanges,
  renderStatusPatch,
} from '../../../../node-agent/kubelet/node/node-changes.ts';
import {
  type ConditionFacts,
  renderConditionEvent,
  renderConditions,
} from '../../../../node-agent/kubelet/node/node-conditions.ts';
import { renderNodeStatus } from '../../../../node-agent/kubelet/node/node-object.ts';
import type { Node } from '../../../../shared/api/node.ts';
import type { NodeCondition } from '../../../../shared/api/node-status.ts';
import { INVENTORY, SAMPLE } from '../agent-fixture.ts';

const FACTS: ConditionFacts = {
  health: new Map([
    ['MemoryPressure', false],
    ['DiskPressure', true],
    ['bramble.dev/UnderVoltage', true],
  ]),
  throttleCelsius: 80,
  runtimeProblem: undefined,
  memoryLimits: true,
};

function shown(facts: Partial<ConditionFacts> = {}): string[] {
  return renderConditions({ ...FACTS, ...facts }).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

describe('conditions of a node', () => {
  it('are Kubernetes’ first, then our own, and none that the board cannot tell', () => {
    assert.deepEqual(shown(), [
      'MemoryPressure=False KubeletHasSufficientMemory',
      'DiskPressure=True KubeletHasDiskPressure',
      'PIDPressure=False KubeletHasSufficientPID',
      'Ready=True KubeletReady',
      'bramble.dev/UnderVoltage=True SupplyIsWeak',
      'bramble.dev/MemoryLimits=True MemoryCgroupIsOn',
    ]);
  });
  it('say what to do where the memory cgroup is off', () => {
    const [last] = renderConditions({ ...FACTS, memoryLimits: false }).slice(-1);
    assert.equal(last?.status, 'False');
    assert.match(last?.message ?? '', /cgroup_enable=memory/);
  });
  it('wait for the engine to tell of limits', () => {
    assert.ok(!shown({ memoryLimits: undefined }).some((text) => text.includes('MemoryLimits')));
  });
});

describe('events of conditions', () => {
  const disk = (status: string): NodeCondition => ({
    type: 'DiskPressure',
    status: status === 'True' ? 'True' : 'False',
    reason: status === 'True' ? 'KubeletHasDiskPressure' : 'KubeletHasNoDiskPressure',
  });
  const limits: NodeCondition = {
    type: 'bramble.dev/MemoryLimits',
    status: 'False',
    reason: 'MemoryCgroupIsOff',
    message: 'no',
  };
  const cases: [string, NodeCondition | undefined, NodeCondition, string | undefined][] = [
    ['a good one that is new', undefined, disk('False'), undefined],
    [
      'a bad one that is new',
      undefined,
      disk('True'),
      'Warning NodeHasDiskPressure Node pi-1 status is now: NodeHasDiskPressure',
    ],
    [
      'one that is over',
      disk('True'),
      disk('False'),
      'Normal NodeHasNoDiskPressure Node pi-1 status is now: NodeHasNoDiskPressure',
    ],
    ['one that stays', disk('True'), disk('True'), undefined],
    ['no limits', undefined, limits, 'Warning MemoryCgroupIsOff no'],
  ];
  for (const [name, before, now, expected] of cases) {
    it(name, () => {
      const event = renderConditionEvent('pi-1', before, now);
      assert.equal(event && `${event.type} ${event.reason} ${event.message}`, expected);
    });
  }
});

describe('changes of a node', () => {
  it('labels: those of devices that are gone go, those of others stay', () => {
    const present = { 'device.bramble.dev/zigbee': 'present', 'device.bramble.dev/gpio': 'present', mine: 'x' };
    const changes = computeLabelChanges(present, { 'device.bramble.dev/gpio': 'present', arch: 'arm64' });
    assert.deepEqual(changes, { 'device.bramble.dev/zigbee': null, arch: 'arm64' });
  });
  it('amounts: resources that somebody else added stay', () => {
    const present = { cpu: '4', 'example.com/foo': '2', 'bramble.dev/serial': '1' };
    assert.deepEqual(computeAmountChanges(present, { cpu: '4' }), { 'bramble.dev/serial': null });
    assert.deepEqual(computeAmountChanges({ cpu: '4', 'example.com/foo': '2' }, { cpu: '4' }), {});
  });

  const wanted = renderNodeStatus({
    ...{ name: 'pi-1', internalIp: '192.0.2.1', inventory: INVENTORY, sample: SAMPLE, runtime: undefined },
    ...{ runtimeProblem: undefined, images: [], health: FACTS.health },
    devices: { labels: {}, capacity: { 'bramble.dev/gpio': '8' }, allocatable: { 'bramble.dev/gpio': '7' } },
  });
  const node = (status: object): Node => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'pi-1', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {},
    status: { daemonEndpoints: { kubeletEndpoint: { Port: 0 } }, nodeInfo: wanted.nodeInfo, ...status },
  });

  it('status: nothing when all is shown', () => {
    assert.equal(computeStatusChanges(node(wanted), wanted), undefined);
  });
  it('status: only what differs, with conditions that cannot be told any more', () => {
    const old = { type: 'bramble.dev/Throttled', status: 'True' } as const;
    const conditions = [...(wanted.conditions ?? []).filter(({ type }) => type !== 'DiskPressure'), old];
    const before = node({ ...wanted, allocatable: { ...wanted.allocatable, 'bramble.dev/gpio': '8' }, conditions });
    const changes = computeStatusChanges(before, wanted);
    assert.ok(changes !== undefined);
    const { status } = renderStatusPatch(before, changes, '2026-01-01T00:00:00Z');
    assert.deepEqual(Object.keys(status).sort(), ['allocatable', 'conditions']);
    assert.deepEqual(changes.status['allocatable'], { 'bramble.dev/gpio': '7' });
    assert.deepEqual(
      changes.conditions.map(({ type }) => type),
      ['DiskPressure'],
    );
    assert.deepEqual(changes.stale, ['bramble.dev/Throttled']);
  });
});
