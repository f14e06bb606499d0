/** The guard of a node against the real API server, in virtual time: pressure and evictions, devices, admission, damaged images. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createMemoryFile } from '../../../node-agent/kubelet/gc/small-file.ts';
import type { NodeGuardSettings } from '../../../node-agent/kubelet/node-guard.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { createFakeDevices, fakeDongle } from '../../support/fake-devices.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { type AgentFixture, createAgentFixture, NODE, SAMPLE } from './agent-fixture.ts';

const MIB = 1024 ** 2;
const CONTAINER = { name: 'main', image: 'app:1' };

let fixture: AgentFixture | undefined;

async function open(options: Partial<FakeRuntimeOptions> = {}, guard: NodeGuardSettings = {}): Promise<AgentFixture> {
  fixture = await createAgentFixture(options, guard);
  return fixture;
}

afterEach(async () => {
  fixture?.runtime.setAvailable(true);
  await fixture?.stop();
  fixture = undefined;
});

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

async function run(opened: AgentFixture, name: string, spec: object = {}): Promise<void> {
  await opened.createPod(name, { containers: [CONTAINER], ...spec });
  await opened.until(`${name} runs`, async () => isReady(await opened.getPod(name)));
}

async function phaseOf({ getPod }: AgentFixture, name: string): Promise<string> {
  const { phase, reason } = (await getPod(name)).status;
  return reason ? `${phase} ${reason}` : phase;
}

async function eventsOf({ client, clock }: AgentFixture): Promise<string[]> {
  await clock.advance(2_000);
  return (await client.list(EventKind)).items.map(
    (event) => `${event.involvedObject.name} ${event.reason} ${event.message}`,
  );
}

async function nodeOf({ client }: AgentFixture) {
  return client.get(NodeKind, { name: NODE });
}

async function conditionOf(opened: AgentFixture, type: string): Promise<string | undefined> {
  return (await nodeOf(opened)).status.conditions?.find((condition) => condition.type === type)?.status;
}

describe('memory pressure', () => {
  const planOf: FakeRuntimeOptions['planOf'] = ({ pod }) => ({
    memoryBytes: pod.name === 'hog' ? 500 * MIB : 20 * MIB,
  });

  it('is told, and the pod beyond its request goes first, one at a time', async () => {
    const opened = await open({ planOf });
    for (const name of ['small', 'hog']) await run(opened, name);
    opened.sensors.sampleNow = { ...SAMPLE, memoryAvailableBytes: 50 * MIB };
    await opened.until('the hog is out', async () => (await phaseOf(opened, 'hog')) === 'Failed Evicted');
    opened.sensors.sampleNow = SAMPLE;
    await opened.clock.advance(20_000);
    assert.equal(await phaseOf(opened, 'small'), 'Running');
    const { message, conditions } = (await opened.getPod('hog')).status;
    assert.match(
      message ?? '',
      /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: 50Mi\. Container main was using 500Mi, request is 0, /,
    );
    const disruption = conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([disruption?.status, disruption?.reason], ['True', 'TerminationByKubelet']);
    assert.equal(await conditionOf(opened, 'MemoryPressure'), 'True');
    const events = await eventsOf(opened);
    for (const reason of ['EvictionThresholdMet', 'NodeHasInsufficientMemory', 'Evicted']) {
      assert.ok(
        events.some((text) => text.includes(reason)),
        reason,
      );
    }
    await opened.until('it is over', async () => (await conditionOf(opened, 'MemoryPressure')) === 'False');
  });

  it('turns new pods away that ask for nothing', async () => {
    const opened = await open();
    opened.sensors.sampleNow = { ...SAMPLE, memoryAvailableBytes: 50 * MIB };
    await opened.until('it is told', async () => (await conditionOf(opened, 'MemoryPressure')) === 'True');
    await opened.createPod('late', { containers: [CONTAINER] });
    await opened.until('it is out', async () => (await phaseOf(opened, 'late')) === 'Failed Evicted');
    assert.equal(
      (await opened.getPod('late')).status.message,
      'Pod was rejected: The node had condition: [MemoryPressure]. ',
    );
    await run(opened, 'asking', { containers: [{ ...CONTAINER, resources: { requests: { memory: '10Mi' } } }] });
  });

  it('evicts nobody while the engine is away', async () => {
    const opened = await open();
    await run(opened, 'web');
    opened.runtime.setAvailable(false);
    opened.sensors.sampleNow = { ...SAMPLE, memoryAvailableBytes: 50 * MIB };
    await opened.clock.advance(60_000);
    opened.sensors.sampleNow = SAMPLE;
    opened.runtime.setAvailable(true);
    await opened.clock.advance(30_000);
    assert.equal(await phaseOf(opened, 'web'), 'Running');
  });
});

describe('a full disk', () => {
  const full = { ...SAMPLE, diskAvailableBytes: 500 * MIB };

  it('loses unused images before anybody is evicted, never one that a pod names', async () => {
    const opened = await open({ pullMs: 10 });
    await run(opened, 'old', { containers: [{ ...CONTAINER, image: 'old:1' }] });
    await opened.client.delete(PodKind, { namespace: 'default', name: 'old' }, { gracePeriodSeconds: 0 });
    await run(opened, 'web');
    await opened.clock.advance(10_000);
    const images = async () => (await opened.runtime.listImages()).flatMap(({ references }) => references).sort();
    assert.deepEqual(await images(), ['app:1', 'old:1']);
    opened.sensors.sampleNow = full;
    await opened.until('the old image is gone', async () => (await images()).length === 1);
    opened.sensors.sampleNow = SAMPLE;
    await opened.clock.advance(30_000);
    assert.deepEqual(await images(), ['app:1']);
    assert.equal(await phaseOf(opened, 'web'), 'Running');
  });

  it('keeps the image of a pod whose containers do not run', async () => {
    const opened = await open({ pullMs: 10, planOf: () => ({ runForMs: 1_000, exitCode: 1 }) });
    await opened.createPod('crashing', { containers: [CONTAINER] });
    await opened.clock.advance(60_000);
    opened.sensors.sampleNow = { ...SAMPLE, diskAvailableBytes: 1_500 * MIB };
    await opened.clock.advance(60_000);
    assert.equal((await opened.runtime.listImages()).length, 1);
    assert.ok((await eventsOf(opened)).some((text) => text.includes('FreeDiskSpaceFailed')));
  });

  it('evicts who has written most, and frees what it left', async () => {
    const opened = await open();
    await run(opened, 'small', { volumes: [{ name: 'v', emptyDir: {} }] });
    await run(opened, 'writer', { volumes: [{ name: 'v', emptyDir: {} }] });
    const { uid } = (await opened.getPod('writer')).metadata;
    const volume = `/data/pods/${uid}/volumes/kubernetes.io~empty-dir/v`;
    opened.files.write(`${volume}/big`, 'x'.repeat(10_000));
    opened.sensors.sampleNow = full;
    await opened.until('it is out', async () => (await phaseOf(opened, 'writer')) === 'Failed Evicted');
    opened.sensors.sampleNow = SAMPLE;
    await opened.until('its volume is gone', async () => !opened.files.paths().some((path) => path.startsWith(volume)));
    assert.equal(await phaseOf(opened, 'small'), 'Running');
    assert.match((await opened.getPod('writer')).status.message ?? '', /low on resource: ephemeral-storage/);
  });
});

describe('conditions of the board', () => {
  it('turn with its sensors, are told once, and cost nothing while they stay', async () => {
    const opened = await open();
    await opened.clock.advance(120_000);
    opened.sensors.sampleNow = { ...SAMPLE, underVoltage: true, temperatureCelsius: 85 };
    await opened.until('it is told', async () => (await conditionOf(opened, 'bramble.dev/UnderVoltage')) === 'True');
    assert.equal(await conditionOf(opened, 'bramble.dev/Overheating'), 'True');
    const { resourceVersion } = (await nodeOf(opened)).metadata;
    await opened.clock.advance(600_000);
    assert.equal((await nodeOf(opened)).metadata.resourceVersion, resourceVersion);
    const told = (await eventsOf(opened)).filter((text) => text.includes('SupplyIsWeak'));
    assert.equal(told.length, 1);
    opened.sensors.sampleNow = SAMPLE;
    await opened.until('it is over', async () => (await conditionOf(opened, 'bramble.dev/UnderVoltage')) === 'False');
  });
});

describe('devices', () => {
  const asking = { containers: [{ ...CONTAINER, resources: { limits: { 'bramble.dev/serial': '1' } } }] };

  it('are told by the Node, given to pods, and free again after them', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    const opened = await open({}, { devices });
    await run(opened, 'zigbee', asking);
    const node = await nodeOf(opened);
    assert.equal(node.metadata.labels?.['device.bramble.dev/usb-10c4-ea60'], '0001');
    assert.equal(node.status.capacity?.['bramble.dev/serial'], '1');
    await opened.until(
      'the other name is taken too',
      async () => (await nodeOf(opened)).status.allocatable?.['bramble.dev/usb-10c4-ea60'] === '0',
    );
    await opened.createPod('second', asking);
    await opened.until(
      'there is none left',
      async () => (await phaseOf(opened, 'second')) === 'Failed UnexpectedAdmissionError',
    );
    await opened.client.delete(PodKind, { namespace: 'default', name: 'zigbee' }, { gracePeriodSeconds: 0 });
    await run(opened, 'third', asking);
  });

  it('stay with their pod over a restart of the agent', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    devices.plug(fakeDongle('0002', 1));
    const opened = await open({}, { devices });
    await run(opened, 'zigbee', asking);
    await opened.restartAgent();
    await run(opened, 'second', asking);
    await opened.createPod('third', asking);
    await opened.until(
      'there is none left',
      async () => (await phaseOf(opened, 'third')) === 'Failed UnexpectedAdmissionError',
    );
    assert.equal(await phaseOf(opened, 'zigbee'), 'Running');
    assert.equal(opened.runtime.starts, 2);
  });

  it('that are unplugged take their pod with them', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    const opened = await open({}, { devices });
    await run(opened, 'zigbee', asking);
    devices.unplug('usb-10c4-ea60-0001');
    await opened.until('it has failed', async () => (await phaseOf(opened, 'zigbee')) === 'Failed DeviceLost');
    const node = await nodeOf(opened);
    assert.equal(node.status.capacity?.['bramble.dev/serial'], undefined);
    assert.equal(node.metadata.labels?.['device.bramble.dev/serial'], undefined);
    assert.ok(
      (await eventsOf(opened)).some((text) => text.startsWith('zigbee DeviceLost The device usb-10c4-ea60-0001')),
    );
    await opened.until('nothing runs', async () => opened.runtime.running().length === 0);
  });

  it('that are back in a moment are not lost', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    const opened = await open({}, { devices });
    await run(opened, 'zigbee', asking);
    devices.unplug('usb-10c4-ea60-0001');
    await opened.clock.advance(2_000);
    devices.plug(fakeDongle('0001'));
    await opened.clock.advance(60_000);
    assert.equal(await phaseOf(opened, 'zigbee'), 'Running');
  });

  it('that come back under another number are lost to the container that has the old one', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    const opened = await open({}, { devices });
    await run(opened, 'zigbee', asking);
    devices.plug(fakeDongle('0001', 1));
    await opened.until('it has failed', async () => (await phaseOf(opened, 'zigbee')) === 'Failed DeviceLost');
  });

  it('get names by an annotation of the Node', async () => {
    const devices = createFakeDevices();
    devices.plug(fakeDongle('0001'));
    const opened = await open({}, { devices });
    await opened.until('the node is there', async () => (await opened.client.list(NodeKind)).items.length === 1);
    const annotations = { 'device.bramble.dev/zigbee': '/dev/ttyUSB0' };
    await opened.client.patch(NodeKind, { name: NODE }, { type: 'merge', body: { metadata: { annotations } } });
    await opened.until(
      'it is told',
      async () => (await nodeOf(opened)).status.capacity?.['bramble.dev/zigbee'] === '1',
    );
  });
});

describe('admission', () => {
  it('refuses what does not fit', async () => {
    const opened = await open();
    await run(opened, 'web', { containers: [{ ...CONTAINER, resources: { requests: { cpu: '3' } } }] });
    await opened.createPod('late', { containers: [{ ...CONTAINER, resources: { requests: { cpu: '2' } } }] });
    await opened.until('it is out', async () => (await phaseOf(opened, 'late')) === 'Failed OutOfcpu');
    assert.equal(
      (await opened.getPod('late')).status.message,
      "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
    );
    assert.equal(opened.runtime.starts, 1);
  });

  it('never turns away what ran before', async () => {
    const opened = await open();
    await run(opened, 'web');
    opened.sensors.sampleNow = { ...SAMPLE, diskAvailableBytes: 1 * MIB };
    opened.runtime.reboot();
    await opened.restartAgent();
    opened.sensors.sampleNow = SAMPLE;
    await opened.until('it runs again', async () => isReady(await opened.getPod('web')));
  });
});

describe('images after a power cut', () => {
  const broken = { startError: 'exec /app: exec format error' };

  it('that do not start are pulled again, once', async () => {
    const bootMarker = createMemoryFile();
    await bootMarker.write('boot-0');
    let starts = 0;
    const planOf: FakeRuntimeOptions['planOf'] = () => (starts++ === 0 ? broken : {});
    const opened = await open({ pullMs: 10, planOf }, { bootMarker });
    await run(opened, 'web');
    const events = await eventsOf(opened);
    assert.ok(events.some((text) => text.includes('ImageDamaged')));
    assert.equal(events.filter((text) => text.includes('Pulling image')).length, 1);
  });

  it('are pulled again twice a boot only', async () => {
    const bootMarker = createMemoryFile();
    await bootMarker.write('boot-0');
    const opened = await open({ pullMs: 10, planOf: () => broken }, { bootMarker });
    await opened.createPod('web', { containers: [CONTAINER] });
    await opened.until('that does not help', async () =>
      (await eventsOf(opened)).some((text) => text.includes('ExecFormatError')),
    );
    const events = await eventsOf(opened);
    assert.ok(events.some((text) => text.includes('ImageDamaged')));
  });

  it('are left alone after a clean end', async () => {
    const bootMarker = createMemoryFile();
    await bootMarker.write('boot-1');
    const opened = await open({ pullMs: 10, planOf: () => broken }, { bootMarker });
    await opened.createPod('web', { containers: [CONTAINER] });
    await opened.clock.advance(60_000);
    assert.ok(!(await eventsOf(opened)).some((text) => text.includes('ImageDamaged')));
  });
});
