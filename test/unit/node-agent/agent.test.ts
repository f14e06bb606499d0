/** The agent against the real API server, in virtual time: a pod's life from assignment to deletion, and what goes wrong. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { type AgentFixture, createAgentFixture, NODE, PODS_ROOT, SAMPLE } from './agent-fixture.ts';

const CONTAINER = { name: 'main', image: 'app:1' };

let fixture: AgentFixture | undefined;

async function open(options: Partial<FakeRuntimeOptions> = {}): Promise<AgentFixture> {
  fixture = await createAgentFixture(options);
  return fixture;
}

/** A node on which one pod runs. */
async function openWithPod(spec: object = {}, options: Partial<FakeRuntimeOptions> = {}) {
  const opened = await open(options);
  const created = await opened.createPod('web', { containers: [CONTAINER], ...spec });
  await opened.until('the pod runs', async () => isReady(await opened.getPod('web')));
  return { ...opened, uid: created.metadata.uid, pod: () => opened.getPod('web') };
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function stateOf({ status }: Pod): string {
  const state = status.containerStatuses?.[0]?.state;
  return state?.waiting?.reason ?? state?.terminated?.reason ?? (state?.running ? 'Running' : 'none');
}

function restartsOf({ status }: Pod): number {
  return status.containerStatuses?.[0]?.restartCount ?? -1;
}

async function isGone({ getPod }: Pick<AgentFixture, 'getPod'>, name = 'web'): Promise<boolean> {
  try {
    await getPod(name);
    return false;
  } catch (error) {
    return isStatusError(error, 'NotFound');
  }
}

async function containersOf({ runtime }: Pick<AgentFixture, 'runtime'>) {
  return (await runtime.list()).containers;
}

async function reasonsOf({ client, clock }: Pick<AgentFixture, 'client' | 'clock'>): Promise<string[]> {
  await clock.advance(2_000);
  return (await client.list(EventKind)).items.map(({ reason }) => reason ?? '');
}

afterEach(async () => {
  fixture?.runtime.setAvailable(true);
  await fixture?.stop();
  fixture = undefined;
});

describe('agent: node', () => {
  it('registers its node with what the board is', async () => {
    const { client, until } = await open();
    await until('the node is there', async () => (await client.list(NodeKind)).items.length === 1);
    const node = await client.get(NodeKind, { name: NODE });
    assert.equal(node.metadata.labels?.['kubernetes.io/arch'], 'arm64');
    assert.equal(node.metadata.labels?.['bramble.dev/model'], 'raspberry-pi-4-model-b-rev-1.4');
    assert.equal(node.status.capacity?.['memory'], '4Gi');
    assert.equal(node.status.allocatable?.['memory'], '3996Mi');
    assert.equal(node.status.nodeInfo.containerRuntimeVersion, 'docker://0.0.0-fake');
    assert.deepEqual(
      node.status.conditions?.map(({ type, status }) => `${type}=${status}`),
      [
        'MemoryPressure=False',
        'DiskPressure=False',
        'PIDPressure=False',
        'Ready=True',
        'bramble.dev/Overheating=False',
        'bramble.dev/Throttled=False',
        'bramble.dev/UnderVoltage=False',
        'bramble.dev/MemoryLimits=True',
      ],
    );
  });

  it('says when the engine is away, and when it is back, and restarts nothing', async () => {
    const { client, runtime, until } = await openWithPod();
    const ready = async () =>
      (await client.get(NodeKind, { name: NODE })).status.conditions?.find(({ type }) => type === 'Ready');
    runtime.setAvailable(false);
    await until('the node is not ready', async () => (await ready())?.status === 'False');
    assert.match((await ready())?.message ?? '', /container runtime is down/);
    runtime.setAvailable(true);
    await until('the node is ready', async () => (await ready())?.status === 'True');
    assert.equal(runtime.starts, 1);
  });

  it('writes nothing while nothing happens', async () => {
    const { client, clock, pod } = await openWithPod();
    await clock.advance(120_000);
    const versions = async () => [
      (await client.get(NodeKind, { name: NODE })).metadata.resourceVersion,
      (await pod()).metadata.resourceVersion,
    ];
    const before = await versions();
    await clock.advance(3_600_000);
    assert.deepEqual(await versions(), before);
  });

  it('tells its sensors when they change', async () => {
    const { client, clock, sensors } = await openWithPod();
    const read = () => client.get(NodeSensorsKind, { name: NODE });
    assert.equal((await read()).temperatureCelsius, 45);
    await clock.advance(30_000);
    assert.equal((await read()).pods?.[0]?.containers[0]?.usage['memory'], '8Mi');
    sensors.sampleNow = { ...SAMPLE, temperatureCelsius: 70 };
    await clock.advance(10_000);
    assert.equal((await read()).temperatureCelsius, 70);
  });

  it('takes back what a lost link made of its conditions', async () => {
    const { client, until } = await open();
    await until('the node is there', async () => (await client.list(NodeKind)).items.length === 1);
    const ready = async () =>
      (await client.get(NodeKind, { name: NODE })).status.conditions?.find(({ type }) => type === 'Ready')?.status;
    await until('ready', async () => (await ready()) === 'True');
    const body = { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } };
    await client.patch(NodeKind, { name: NODE }, { type: 'strategic', body, subresource: 'status' });
    await until('ready again', async () => (await ready()) === 'True');
  });
});

describe('agent: a pod', () => {
  it('runs and shows addresses, states and times', async () => {
    const { pod } = await openWithPod();
    const { status } = await pod();
    assert.equal(status.phase, 'Running');
    assert.match(status.podIP ?? '', /^10\./);
    assert.equal(status.hostIP, '192.0.2.10');
    assert.ok(status.startTime !== undefined);
  });

  it('is told of in events', async () => {
    const reasons = await reasonsOf(await openWithPod());
    for (const reason of ['Pulled', 'Created', 'Started']) assert.ok(reasons.includes(reason), reason);
  });

  it('is adopted by a new agent: nothing restarts, nothing is written', async () => {
    const { runtime, restartAgent, pod, clock } = await openWithPod({
      containers: [CONTAINER, { ...CONTAINER, name: 'side' }],
    });
    const before = (await pod()).metadata.resourceVersion;
    await restartAgent();
    await clock.advance(120_000);
    assert.equal(runtime.starts, 2);
    assert.equal((await pod()).metadata.resourceVersion, before);
  });

  it('is finished by a new agent where the old one stopped in between', async () => {
    const { runtime, createPod, getPod, restartAgent, clock, until } = await open({
      planOf: () => ({ startDelayMs: 5_000 }),
    });
    await createPod('web', { containers: [CONTAINER] });
    await until('the container is made', async () => (await containersOf({ runtime })).length === 1);
    await restartAgent();
    await clock.advance(20_000);
    assert.ok(isReady(await getPod('web')));
    assert.equal(runtime.starts, 1);
  });

  it('goes with its grace, and leaves nothing', async () => {
    const opened = await openWithPod(
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { planOf: () => ({ ignoresStop: true }) },
    );
    const { client, clock, runtime, files } = opened;
    await client.delete(PodKind, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 20 });
    await clock.advance(15_000);
    assert.equal(await isGone(opened), false);
    await clock.advance(10_000);
    assert.equal(await isGone(opened), true);
    assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
    assert.deepEqual(files.paths(), []);
  });

  it('goes at once when it must', async () => {
    const opened = await openWithPod({}, { planOf: () => ({ ignoresStop: true }) });
    await opened.client.delete(PodKind, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    await opened.clock.advance(5_000);
    assert.deepEqual(await opened.runtime.list(), { sandboxes: [], containers: [] });
    assert.deepEqual(opened.files.paths(), []);
  });

  it('that was deleted while nobody looked is ended', async () => {
    const opened = await openWithPod();
    opened.runtime.setAvailable(false);
    await opened.client.delete(PodKind, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    await opened.clock.advance(5_000);
    opened.runtime.setAvailable(true);
    await opened.restartAgent();
    await opened.clock.advance(30_000);
    assert.deepEqual(await opened.runtime.list(), { sandboxes: [], containers: [] });
  });

  it('is not mistaken for another one of its name', async () => {
    const opened = await openWithPod({}, { planOf: () => ({ ignoresStop: true }) });
    await opened.client.delete(PodKind, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    const second = await opened.createPod('web', { containers: [CONTAINER] });
    await opened.until('the new one runs', async () => isReady(await opened.getPod('web')));
    await opened.clock.advance(10_000);
    const { containers } = await opened.runtime.list();
    assert.deepEqual(
      containers.map(({ pod }) => pod.uid),
      [second.metadata.uid],
    );
  });

  it('with several containers and init containers runs them in their order', async () => {
    const order: string[] = [];
    const planOf: FakeRuntimeOptions['planOf'] = ({ name }) => {
      order.push(name);
      return name.startsWith('init') ? { runForMs: 2_000, exitCode: 0 } : {};
    };
    const initContainers = [
      { ...CONTAINER, name: 'init-a' },
      { ...CONTAINER, name: 'init-b' },
    ];
    await openWithPod({ initContainers, containers: [CONTAINER, { ...CONTAINER, name: 'side' }] }, { planOf });
    assert.deepEqual(order, ['init-a', 'init-b', 'main', 'side']);
  });

  it('that is to run once succeeds, and keeps its log', async () => {
    const opened = await open({ planOf: () => ({ runForMs: 3_000, exitCode: 0, output: ['done'] }) });
    await opened.createPod('job', { restartPolicy: 'Never', containers: [CONTAINER] });
    await opened.until('it has succeeded', async () => (await opened.getPod('job')).status.phase === 'Succeeded');
    await opened.clock.advance(5_000);
    const { sandboxes, containers } = await opened.runtime.list();
    assert.deepEqual([sandboxes.length, containers.length], [0, 1]);
    assert.equal(stateOf(await opened.getPod('job')), 'Completed');
  });

  it('over its deadline fails', async () => {
    const { clock, pod, until } = await openWithPod({ activeDeadlineSeconds: 60 });
    await clock.advance(65_000);
    await until('it has failed', async () => (await pod()).status.phase === 'Failed');
    assert.equal((await pod()).status.reason, 'DeadlineExceeded');
  });
});

describe('agent: crashes', () => {
  it('come back at once, then after longer and longer pauses', async () => {
    const { clock, pod, until } = await openWithPod({}, { planOf: () => ({ runForMs: 1_000, exitCode: 1 }) });
    await until('the first restart', async () => restartsOf(await pod()) === 1);
    await until('it waits', async () => stateOf(await pod()) === 'CrashLoopBackOff');
    const { lastState, state } = (await pod()).status.containerStatuses?.[0] ?? {};
    assert.match(state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=web_default/);
    assert.equal(lastState?.terminated?.exitCode, 1);
    await clock.advance(11_000);
    assert.equal(restartsOf(await pod()), 2);
    await clock.advance(3_600_000);
    const restarts = restartsOf(await pod());
    assert.ok(restarts > 10 && restarts < 20, `${restarts} restarts`);
  });

  it('are counted on by a new agent', async () => {
    const opened = await openWithPod({}, { planOf: () => ({ runForMs: 1_000, exitCode: 1 }) });
    await opened.until('some restarts', async () => restartsOf(await opened.pod()) === 3);
    await opened.until('it waits', async () => stateOf(await opened.pod()) === 'CrashLoopBackOff');
    await opened.restartAgent();
    await opened.clock.advance(3_000);
    assert.equal(restartsOf(await opened.pod()), 3);
    assert.match((await opened.pod()).status.containerStatuses?.[0]?.state.waiting?.message ?? '', /back-off 40s/);
  });

  it('by hand are repaired', async () => {
    const { runtime, pod, until } = await openWithPod();
    const [container] = await containersOf({ runtime });
    runtime.crash(container?.id ?? '', 137);
    await until('it runs again', async () => restartsOf(await pod()) === 1 && isReady(await pod()));
  });

  it('of the sandbox give the pod a new one', async () => {
    const { runtime, pod, until } = await openWithPod();
    const [sandbox] = (await runtime.list()).sandboxes;
    const before = (await pod()).status.podIP;
    runtime.crashSandbox(sandbox?.id ?? '');
    await until('it has a new address', async () => isReady(await pod()) && (await pod()).status.podIP !== before);
    assert.equal((await runtime.list()).sandboxes.length, 1);
  });

  it('of the whole board bring everything back at once', async () => {
    const { runtime, restartAgent, pod, until, clock } = await openWithPod();
    runtime.reboot();
    await restartAgent();
    await clock.advance(3_000);
    await until('it runs again', async () => restartsOf(await pod()) === 1 && isReady(await pod()));
    assert.equal((await containersOf({ runtime })).filter(({ state }) => state === 'running').length, 1);
  });

  it('tell what the container said', async () => {
    const { files, runtime, pod, uid, until } = await openWithPod();
    files.write(`${PODS_ROOT}/${uid}/containers/main/termination-0`, 'out of tea');
    const [container] = await containersOf({ runtime });
    runtime.crash(container?.id ?? '', 2);
    await until('it is told', async () => restartsOf(await pod()) === 1);
    assert.equal((await pod()).status.containerStatuses?.[0]?.lastState.terminated?.message, 'out of tea');
  });
});

describe('agent: configuration', () => {
  const volumes = [{ name: 'conf', configMap: { name: 'conf' } }];

  it('that is missing is waited for, and arrives by itself', async () => {
    const opened = await open();
    const { client, createPod, getPod, until, clock } = opened;
    await createPod('web', { containers: [CONTAINER], volumes });
    await clock.advance(10_000);
    assert.equal(stateOf(await getPod('web')), 'ContainerCreating');
    assert.ok((await reasonsOf(opened)).includes('FailedMount'));
    await client.create(ConfigMapKind, { metadata: { name: 'conf', namespace: 'default' }, data: { a: '1' } });
    await until('it runs', async () => isReady(await getPod('web')));
  });

  it('that changes reaches the running pod', async () => {
    const opened = await open();
    const { client, createPod, getPod, until, files, runtime } = opened;
    const key = { namespace: 'default', name: 'conf' };
    await client.create(ConfigMapKind, { metadata: key, data: { a: '1' } });
    const { metadata } = await createPod('web', { containers: [CONTAINER], volumes });
    await until('it runs', async () => isReady(await getPod('web')));
    const directory = `${PODS_ROOT}/${metadata.uid}/volumes/kubernetes.io~configmap/conf`;
    assert.deepEqual(files.projected(directory), { a: '1' });
    await client.patch(ConfigMapKind, key, { type: 'merge', body: { data: { a: '2' } } });
    await until('the file is new', async () => files.projected(directory)?.['a'] === '2');
    assert.equal(runtime.starts, 1);
  });

  it('that a container needs is named when it is missing', async () => {
    const { client, createPod, getPod, until } = await open();
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'keys', key: 'a' } } }];
    await createPod('web', { containers: [{ ...CONTAINER, env }] });
    await until('it says so', async () => stateOf(await getPod('web')) === 'CreateContainerConfigError');
    const message = (await getPod('web')).status.containerStatuses?.[0]?.state.waiting?.message;
    assert.equal(message, 'secret "keys" not found');
    await client.create(SecretKind, { metadata: { name: 'keys', namespace: 'default' }, stringData: { a: 'x' } });
    await until('it runs', async () => isReady(await getPod('web')));
  });

  it('of very many objects reaches its pods too, if a little later', async () => {
    const { client, createPod, getPod, until, files } = await open();
    const names = Array.from({ length: 60 }, (_, index) => `conf-${index}`);
    for (const name of names)
      await client.create(ConfigMapKind, { metadata: { name, namespace: 'default' }, data: { a: '1' } });
    const many = names.map((name) => ({ name, configMap: { name } }));
    const { metadata } = await createPod('web', { containers: [CONTAINER], volumes: many });
    await until('it runs', async () => isReady(await getPod('web')));
    const body = { data: { a: '2' } };
    for (const name of names)
      await client.patch(ConfigMapKind, { namespace: 'default', name }, { type: 'merge', body });
    const directory = `${PODS_ROOT}/${metadata.uid}/volumes/kubernetes.io~configmap`;
    const isNew = (name: string): boolean => files.projected(`${directory}/${name}`)?.['a'] === '2';
    await until('all files are new', async () => names.every(isNew));
  });

  it('survives a disk that takes nothing for a while', async () => {
    const opened = await open();
    opened.files.fail('cannot write: no space left on device');
    await opened.createPod('web', { containers: [CONTAINER] });
    await opened.clock.advance(10_000);
    opened.files.fail(undefined);
    await opened.until('it runs', async () => isReady(await opened.getPod('web')));
  });
});

describe('agent: images', () => {
  it('are pulled before their containers', async () => {
    const reasons = await reasonsOf(await openWithPod({}, { pullMs: 5_000 }));
    assert.ok(reasons.includes('Pulling') && reasons.includes('Pulled'));
  });

  it('that cannot be pulled are tried again, slower and slower', async () => {
    const { runtime, createPod, getPod, until, clock, client } = await open({ pullMs: 1_000 });
    runtime.failPull('app:1', 'no route to host');
    await createPod('web', { containers: [CONTAINER] });
    await until('the error', async () => stateOf(await getPod('web')) === 'ErrImagePull');
    await until('the back-off', async () => stateOf(await getPod('web')) === 'ImagePullBackOff');
    await clock.advance(300_000);
    const pulls = (await client.list(EventKind)).items.find(({ reason }) => reason === 'Pulling')?.count ?? 0;
    assert.ok(pulls >= 4 && pulls <= 6, `${pulls} pulls`);
    runtime.failPull('app:1', undefined);
    await until('it runs', async () => isReady(await getPod('web')));
  });

  it('that may not be pulled are named', async () => {
    const { createPod, getPod, until } = await open({ pullMs: 1_000 });
    await createPod('web', { containers: [{ ...CONTAINER, imagePullPolicy: 'Never' }] });
    await until('it says so', async () => stateOf(await getPod('web')) === 'ErrImageNeverPull');
  });

  it('of a running pod can be changed', async () => {
    const { client, runtime, until, pod } = await openWithPod();
    const body = { spec: { containers: [{ name: 'main', image: 'app:2' }] } };
    await client.patch(PodKind, { namespace: 'default', name: 'web' }, { type: 'strategic', body });
    await until('the new one runs', async () => (await pod()).status.containerStatuses?.[0]?.image === 'app:2');
    assert.equal(runtime.starts, 2);
  });
});

describe('agent: probes', () => {
  const httpGet = { path: '/', port: 80 };

  it('decide about readiness', async () => {
    const containers = [{ ...CONTAINER, readinessProbe: { httpGet, periodSeconds: 1, failureThreshold: 2 } }];
    const { answer, until, pod, runtime } = await openWithPod({ containers });
    answer.value = { ok: false, message: 'busy' };
    await until('it is not ready', async () => !isReady(await pod()));
    answer.value = { ok: true };
    await until('it is ready', async () => isReady(await pod()));
    assert.equal(runtime.starts, 1);
  });

  it('that fail for too long restart the container', async () => {
    const containers = [{ ...CONTAINER, livenessProbe: { httpGet, periodSeconds: 1 } }];
    const opened = await openWithPod({ containers });
    opened.answer.value = { ok: false, message: 'stuck' };
    await opened.until('it was restarted', async () => restartsOf(await opened.pod()) === 1);
    assert.ok((await reasonsOf(opened)).includes('Unhealthy'));
  });

  it('wait for the startup probe', async () => {
    const startupProbe = { httpGet, periodSeconds: 1, failureThreshold: 60 };
    const containers = [{ ...CONTAINER, startupProbe, livenessProbe: { httpGet, periodSeconds: 1 } }];
    const { answer, createPod, getPod, clock, until } = await open();
    answer.value = { ok: false, message: 'starting' };
    await createPod('web', { containers });
    await clock.advance(30_000);
    const [status] = (await getPod('web')).status.containerStatuses ?? [];
    assert.deepEqual([status?.started, status?.ready, status?.restartCount], [false, false, 0]);
    answer.value = { ok: true };
    await until('it is ready', async () => isReady(await getPod('web')));
  });

  it('by command go through the runtime', async () => {
    const answers = { exitCode: 1 };
    const containers = [{ ...CONTAINER, readinessProbe: { exec: { command: ['ok'] }, periodSeconds: 1 } }];
    const { createPod, getPod, clock, until } = await open({ execOf: () => ({ output: 'no', ...answers }) });
    await createPod('web', { containers });
    await clock.advance(5_000);
    assert.equal(isReady(await getPod('web')), false);
    answers.exitCode = 0;
    await until('it is ready', async () => isReady(await getPod('web')));
  });

  it('do not make a ready pod unready when the agent restarts', async () => {
    const containers = [{ ...CONTAINER, readinessProbe: { httpGet, periodSeconds: 10 } }];
    const { restartAgent, pod, clock } = await openWithPod({ containers });
    const before = (await pod()).metadata.resourceVersion;
    await restartAgent();
    await clock.advance(60_000);
    assert.equal((await pod()).metadata.resourceVersion, before);
  });
});

describe('agent: the end', () => {
  it('comes though a pod changes while the engine holds it up', async () => {
    const opened = await open({ listMs: 5_000 });
    fixture = undefined;
    await opened.createPod('web', { containers: [CONTAINER], volumes: [{ name: 'all', configMap: { name: 'all' } }] });
    await opened.clock.settle();
    const body = { metadata: { labels: { changed: 'meanwhile' } } };
    // The fixture looks whether anything is asked afterwards.
    await opened.stop(() =>
      opened.client.patch(PodKind, { namespace: 'default', name: 'web' }, { type: 'strategic', body }),
    );
  });
});
