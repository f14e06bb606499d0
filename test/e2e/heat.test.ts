/**
 * Two boards on real Docker whose sensors are files: one that its file heats is drained, the least important pod first, and gets
 * the pods back when the other one gets hot. Real API server, scheduler, controllers, agents, engine and clock. Alerts tell of heat,
 * of the supply voltage and of a certificate that ends soon, in all the places where they are told.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { ControllerSettings } from '../../master/controllers/controller-settings.ts';
import { createControllers } from '../../master/controllers/create-controllers.ts';
import { Scheduler } from '../../master/scheduler/scheduler.ts';
import { openSqliteStore } from '../../master/store/sqlite-store.ts';
import { type Agent, createAgent } from '../../node-agent/agent.ts';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { createProbeDialer } from '../../node-agent/kubelet/probes/node-probe-dialer.ts';
import { nodeHostFiles } from '../../node-agent/kubelet/volumes/node-host-files.ts';
import { createSystemSensors } from '../../node-agent/sensors/system-sensors.ts';
import { CertificateSigningRequestKind } from '../../shared/api/certificate-signing-request.ts';
import { DeploymentKind } from '../../shared/api/deployment.ts';
import { EventKind } from '../../shared/api/event.ts';
import { LeaseKind } from '../../shared/api/lease.ts';
import { NamespaceKind } from '../../shared/api/namespace.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { PriorityClassKind } from '../../shared/api/priority-class.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { createCertificateRequest } from '../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../shared/protocol/x509/keys.ts';
import { VERSION } from '../conformance/api-fixture.ts';
import { type AlertWitness, startAlertWitness } from '../support/alert-witness.ts';
import { startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { createTestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';
import { makeDeployment } from '../unit/controllers/objects.ts';
import { BOARDS, type BoardRoot, writeBoard } from '../unit/node-agent/boards.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };
const TIMEOUT_MS = 90_000;

const AT_ONCE = { badMs: 0, goodMs: 0 };
const WARM = { kind: 'Node', name: 'warm' };
const TEN_DAYS_SECONDS = 10 * 24 * 3600;

/** So that a test need not wait for minutes; the order of things is the same. */
const HEAT = { settleSeconds: 4, moveIntervalSeconds: 1, podRestSeconds: 5 };

const store = await openSqliteStore({ ...BASE, path: ':memory:', schedule: queueMicrotask });
const server = createApiServer({ ...BASE, store, kinds: ALL_KINDS, version: VERSION });
const clientOf = (user: string) => createClient((request) => server.handle(request, componentUser(user)));
const client = clientOf('admin');
const dataDir = mkdtempSync(join(tmpdir(), 'bramble-heat-'));
const boards = new Map<string, BoardRoot>();
const agents: Agent[] = [];
const master: Component[] = [server];
let engine: TestEngine;
let witness: AlertWitness;

before(async () => {
  engine = await startTestEngine();
  await startMaster();
  await client.create(NamespaceKind, { metadata: { name: 'kube-node-lease' } }).catch(() => undefined);
  for (const name of ['warm', 'cold']) await startBoard(name);
  for (const [name, value] of Object.entries({ low: -10, high: 1_000 })) {
    await client.create(PriorityClassKind, { metadata: { name }, value });
  }
});

after(async () => {
  const names = (await client.list(DeploymentKind)).items.map(({ metadata }) => metadata);
  for (const { name, namespace } of names) {
    await client.delete(DeploymentKind, { name, namespace }, { propagationPolicy: 'Background' });
  }
  await waitFor('the pods are gone', async () => (await client.list(PodKind)).items.length === 0, TIMEOUT_MS);
  // A pod is gone from the API before its sandbox is gone from the engine.
  await waitFor('the containers are gone', async () => (await listContainers()) === '', TIMEOUT_MS);
  await stopAll(agents);
  await witness.stop();
  await stopAll(master);
  await store.close();
  await engine.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function startMaster(): Promise<void> {
  const { authority } = await createTestPki();
  await server.start();
  witness = await startAlertWitness(client, { patience: { BoardHot: AT_ONCE, UnderVoltage: AT_ONCE } });
  const parts = [
    ...createControllers({
      ...{ ...BASE, kinds: ALL_KINDS, client: clientOf('system:kube-controller-manager') },
      sign: async (request, signing) => authority.signCertificateRequest(request, signing),
      settings: new ControllerSettings({ heat: HEAT }),
      alerts: witness.sources,
      onAlerts: witness.listen,
    }),
    new Scheduler({ ...BASE, client: clientOf('system:kube-scheduler') }),
  ];
  master.push(...parts);
  await startAll(parts);
}

/** As an agent does when its certificate is due. */
async function renewCertificate(node: string, expirationSeconds?: number): Promise<void> {
  const subject = { commonName: `system:node:${node}`, organizations: ['system:nodes'] };
  const request = Buffer.from(createCertificateRequest(subject, generatePrivateKey())).toString('base64');
  await clientOfNode(node).create(CertificateSigningRequestKind, {
    metadata: { name: `renewal-${expirationSeconds ?? 'usual'}` },
    spec: {
      ...{ request, signerName: 'kubernetes.io/kube-apiserver-client-kubelet' },
      usages: ['digital signature', 'client auth'],
      ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
    },
  });
}

function clientOfNode(name: string) {
  const node = { name: `system:node:${name}`, uid: '', groups: ['system:nodes', 'system:authenticated'], extra: {} };
  return createClient((request) => server.handle(request, node));
}

async function listContainers(): Promise<string> {
  const lists = ['cold', 'warm'].map((node) =>
    engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`),
  );
  return (await Promise.all(lists)).join('').trim();
}

/** The door of the gateway is not here: the lease says what it would. */
async function startBoard(name: string): Promise<void> {
  const board = writeBoard(BOARDS.PI4);
  boards.set(name, board);
  setCelsius(name, 45);
  setLowVoltage(name, false);
  const metadata = { namespace: 'kube-node-lease', name, annotations: { 'bramble.dev/link': 'up' } };
  await client.create(LeaseKind, { metadata, spec: { holderIdentity: name } });
  const agent = createAgent({
    ...{ ...BASE, node: name, files: nodeHostFiles, internalIp: () => '127.0.0.1' },
    client: clientOfNode(name),
    runtime: new DockerRuntime({ ...BASE, socketPath: engine.socketPath, node: name }),
    sensors: createSystemSensors({ clock: systemClock, root: board.root, storagePath: () => '/' }, process.platform),
    paths: { root: join(dataDir, name) },
    dialer: createProbeDialer(systemClock),
  });
  agents.push(agent);
  await agent.start();
  await waitFor(`${name} is ready`, () => isReady(name), TIMEOUT_MS);
}

async function isReady(name: string): Promise<boolean> {
  const { spec, status } = await client.get(NodeKind, { name });
  const isTrue = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return isTrue === true && (spec.taints ?? []).length === 0;
}

function setLowVoltage(name: string, isLow: boolean): void {
  boards.get(name)?.write('sys/class/hwmon/hwmon1/in0_lcrit_alarm', `${isLow ? 1 : 0}\n`);
}

function setCelsius(name: string, celsius: number): void {
  boards.get(name)?.write('sys/class/thermal/thermal_zone0/temp', `${celsius * 1000}\n`);
}

async function cordon(name: string, unschedulable: boolean): Promise<void> {
  await client.patch(NodeKind, { name }, { type: 'merge', body: { spec: { unschedulable } } });
}

async function deploy(name: string, replicas: number, priorityClassName: string): Promise<void> {
  const labels = { app: name };
  const spec = {
    ...{ priorityClassName, terminationGracePeriodSeconds: 0, automountServiceAccountToken: false },
    containers: [{ name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', '100000'] }],
  };
  const template = { ...makeDeployment().spec.template, metadata: { labels } };
  const merged = {
    ...template,
    spec: { ...template.spec, ...spec, containers: [{ ...template.spec.containers[0], ...spec.containers[0] }] },
  };
  const draft = { ...makeDeployment({ replicas }).spec, selector: { matchLabels: labels }, template: merged };
  await client.create(DeploymentKind, {
    metadata: { namespace: 'default', name },
    spec: draft as ReturnType<typeof makeDeployment>['spec'],
  });
}

/** App → running pods on that board. */
async function runningOn(node: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { metadata, spec, status } of (await client.list(PodKind)).items) {
    const isRunning = status.phase === 'Running' && metadata.deletionTimestamp === undefined;
    const app = metadata.labels?.['app'] ?? '';
    if (isRunning && spec.nodeName === node) counts[app] = (counts[app] ?? 0) + 1;
  }
  return counts;
}

async function isTainted(name: string): Promise<boolean> {
  const { spec } = await client.get(NodeKind, { name });
  return (spec.taints ?? []).some(({ key }) => key === 'bramble.dev/overheating');
}

test('a board that its file heats loses the less important pods, and gets them back later', {
  timeout: 240_000,
}, async () => {
  await cordon('cold', true);
  await deploy('batch', 2, 'low');
  await deploy('door', 1, 'high');
  await waitFor(
    'all on one board',
    async () => {
      const { batch, door } = await runningOn('warm');
      return batch === 2 && door === 1;
    },
    TIMEOUT_MS,
  );
  await cordon('cold', false);

  setLowVoltage('warm', true);
  await renewCertificate('warm', TEN_DAYS_SECONDS);
  setCelsius('warm', 82);
  await waitFor('the taint', () => isTainted('warm'), TIMEOUT_MS);
  await waitFor('the less important pods elsewhere', async () => (await runningOn('cold'))['batch'] === 2, TIMEOUT_MS);
  assert.equal(await witness.begins('BoardHot', WARM), '82.0 °C; it slows itself down at 80 °C');
  assert.match(await witness.begins('UnderVoltage', WARM), /^the supply voltage is too low/);
  assert.match(await witness.begins('CertificateNearEnd', WARM), /^the certificate of its agent ends on 20\d\d-/);
  setLowVoltage('warm', false);
  await renewCertificate('warm');
  setCelsius('warm', 50);
  await waitFor('the board to be free', async () => !(await isTainted('warm')), TIMEOUT_MS);
  const moved = (await client.list(EventKind)).items.filter(({ reason }) => reason === 'MovedPodForHeat');
  assert.match(
    moved[0]?.message ?? '',
    /^82\.0 °C, hard limit 78 °C: pod default\/batch-\S+ \(priority -10\) is moved away: cold can take it$/,
  );

  for (const alert of ['BoardHot', 'UnderVoltage', 'CertificateNearEnd'] as const) await witness.isOver(alert, WARM);
  setCelsius('cold', 82);
  await waitFor('the pods back', async () => (await runningOn('warm'))['batch'] === 2, TIMEOUT_MS);
  setCelsius('cold', 45);
  await waitFor(
    'both boards to be free',
    async () => !(await isTainted('cold')) && !(await isTainted('warm')),
    TIMEOUT_MS,
  );
  await witness.isOver('BoardHot', { kind: 'Node', name: 'cold' });
  await witness.isQuiet();
});
