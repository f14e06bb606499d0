/**
 * Boards that are lost, on a LAN of three: one that is cut off is noticed within ten seconds and its pods run elsewhere, one whose
 * agent dies within two; a drained one is empty; one that is switched off ends its pods first; what comes back ends what it
 * should no longer run. An alert tells of it, as it does of a snapshot that fails: as event, on its topic, and by webhook.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../shared/platform/clock.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { type LanCluster, startLanCluster } from '../support/lan/lan-cluster.ts';
import { HOOK_FLAGS, type LanHouse, openLanHouse } from '../support/lan/lan-house.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 90_000;
const LOST = 3;

/** The promise is 10 seconds on a quiet machine; this one carries three boards and other tests. */
const CUT_LIMIT_MS = 20_000;

/** By the times that the master wrote down, which lack their fractions of a second. */
const DEATH_LIMIT_MS = 2_000;

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations:
        - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 0}
        - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 0}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {matchLabels: {app: web}}
      containers:
        - {name: main, image: ${TEST_IMAGE}, imagePullPolicy: IfNotPresent, command: [sleep, "100000"]}
`;

/** Stays until its node has ended it: what a board that is not ready does to it takes half a minute. */
const CALM = DEPLOYMENT.replaceAll('web', 'calm')
  .replace(/ +tolerations:\n(.*\n){2}/, '')
  .replace('PeriodSeconds: 0', 'PeriodSeconds: 1');

interface Pods {
  items: {
    metadata: { uid: string; deletionTimestamp?: string };
    spec: { nodeName?: string };
    status: { reason?: string; conditions?: { type: string; status: string }[] };
  }[];
}

interface NodeView {
  status: { conditions: { type: string; status: string; lastTransitionTime: string }[] };
}

let cluster: LanCluster;
let house: LanHouse;

before(async () => {
  cluster = await startLanCluster({ hosts: 3, masterFlags: HOOK_FLAGS });
  house = await openLanHouse(cluster);
  await cluster.apply(DEPLOYMENT);
  await waitFor(
    'a pod on each board',
    async () => new Set((await running()).map(({ spec }) => spec.nodeName)).size === 3,
    TIMEOUT_MS,
  );
});

after(async () => {
  await house?.end();
  await cluster?.stop();
});

async function running(app = 'web'): Promise<Pods['items']> {
  const { items } = await cluster.json<Pods>('get', 'pods', '-l', `app=${app}`);
  return items.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  );
}

async function readyOf(host: number): Promise<string> {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  return cluster.kubectl(['get', 'node', `host${host}`, '-o', `jsonpath=${path}`]);
}

/** When the board turned to be ready, or not to be, by the master's clock: this machine's. */
async function turnedMs(host: number): Promise<number> {
  const { status } = await cluster.json<NodeView>('get', 'node', `host${host}`);
  return Date.parse(status.conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '');
}

async function threeElsewhere(): Promise<boolean> {
  const pods = await running();
  return pods.length === 3 && pods.every(({ spec }) => spec.nodeName !== `host${LOST}`);
}

/** uids of pods whose containers run on the board, whatever the master thinks. */
async function uidsOn(host: number): Promise<string[]> {
  const format = '{{.Label "io.kubernetes.pod.uid"}}';
  const filter = ['--filter', 'label=io.kubernetes.container.name=main'];
  const output = await cluster.lan.host(host).docker('ps', ...filter, '--format', format);
  return output.split('\n').filter((line) => line !== '');
}

async function timeUntil(what: string, probe: () => Promise<boolean>): Promise<number> {
  const startMs = systemClock.monotonicMs();
  await waitFor(what, probe, TIMEOUT_MS);
  return systemClock.monotonicMs() - startMs;
}

async function isBackAndClean(): Promise<boolean> {
  const known = new Set((await cluster.json<Pods>('get', 'pods')).items.map(({ metadata }) => metadata.uid));
  return (await readyOf(LOST)) === 'True' && (await uidsOn(LOST)).every((uid) => known.has(uid));
}

test('a board that is cut off is noticed, its pods run elsewhere, and it ends them when it is back', async () => {
  const [orphan] = await uidsOn(LOST);
  assert.ok(orphan !== undefined);
  await cluster.lan.setForwarding(LOST, false);
  const noticedMs = await timeUntil('the board is lost', async () => (await readyOf(LOST)) === 'Unknown');
  assert.ok(noticedMs <= CUT_LIMIT_MS, `${noticedMs} ms`);
  const masterLog = (): Promise<string> => cluster.lan.host(1).log('master');
  const isRefused = async (): Promise<boolean> => (await masterLog()).includes('webhook of alerts did not take one');
  await waitFor('nobody hears the webhook', isRefused, TIMEOUT_MS);
  house.openHook();
  await waitFor('three pods elsewhere', threeElsewhere, TIMEOUT_MS);
  assert.deepEqual(await uidsOn(LOST), [orphan]);
  await house.begins('BoardLost', `host${LOST}`);
  assert.ok(!(await masterLog()).includes('s3cret'));
  await cluster.lan.setForwarding(LOST, true);
  await waitFor('the board is back, without what it lost', isBackAndClean, TIMEOUT_MS);
  assert.ok(!(await uidsOn(LOST)).includes(orphan));
});

test('a board whose agent dies is noticed at once; a new agent finds its way', async (context) => {
  const killedMs = systemClock.nowMs();
  await cluster.kill(`agent ${LOST}`);
  await waitFor('the board is lost', async () => (await readyOf(LOST)) !== 'True', TIMEOUT_MS);
  const afterMs = (await turnedMs(LOST)) - killedMs;
  context.diagnostic(`not ready ${Math.max(0, afterMs)} to ${afterMs + 999} ms after kill -9`);
  assert.ok(afterMs <= DEATH_LIMIT_MS, `${afterMs} ms`);
  await cluster.startAgent(LOST);
  await waitFor('the board is back', isBackAndClean, TIMEOUT_MS);
});

test('a drained board is empty and takes nothing until it is uncordoned', async () => {
  const drain = ['drain', 'host2', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s'];
  assert.match(await cluster.kubectl(drain), /node\/host2 drained/);
  await waitFor(
    'three pods on the others',
    async () => {
      const pods = await running();
      return pods.length === 3 && pods.every(({ spec }) => spec.nodeName !== 'host2');
    },
    TIMEOUT_MS,
  );
  assert.match(await cluster.kubectl(['describe', 'node', 'host2']), /Unschedulable: +true/);
  await cluster.kubectl(['uncordon', 'host2']);
  await cluster.kubectl(['scale', 'deployment', 'web', '--replicas=6']);
  await waitFor(
    'pods on it again',
    async () => (await running()).some(({ spec }) => spec.nodeName === 'host2'),
    TIMEOUT_MS,
  );
});

test('alerts are over where they were told, once each; of a snapshot that fails, too', async () => {
  const takeSnapshot = () => cluster.kubectl(['create', '--raw', '/apis/bramble.dev/v1/snapshots', '-f', '-'], '{}');
  const onMaster = (script: string) => cluster.lan.host(1).output('sh', '-c', script);
  await onMaster('touch /var/lib/bramble/snapshots');
  await assert.rejects(takeSnapshot());
  await house.begins('SnapshotFailed', 'kube-system');
  await onMaster('rm /var/lib/bramble/snapshots');
  await takeSnapshot();
  for (const [alert, about] of [
    ['SnapshotFailed', 'kube-system'],
    ['BoardLost', `host${LOST}`],
  ] as const)
    await house.isOver(alert, about);
  assert.equal(new Set(house.heardIds()).size, house.heardIds().length);
});

test('a board that is switched off ends its pods first, and others have them before it is lost', async () => {
  const there = (pods: Pods['items']): Pods['items'] => pods.filter(({ spec }) => spec.nodeName === `host${LOST}`);
  await cluster.apply(CALM);
  await waitFor('a pod on it', async () => there(await running('calm')).length > 0, TIMEOUT_MS);
  await waitFor('all of them', async () => (await running('calm')).length === 3, TIMEOUT_MS);
  const [pod] = there(await running('calm'));
  // What a power supply says before it gives up; systemd's word has the same effect.
  await cluster.kill(`agent ${LOST}`, 'SIGPWR');
  assert.deepEqual(await uidsOn(LOST), []);
  const { items } = await cluster.json<Pods>('get', 'pods', '-l', 'app=calm');
  const ended = items.find(({ metadata }) => metadata.uid === pod?.metadata.uid);
  assert.equal(ended?.status.reason, 'Terminated');
  const events = await cluster.kubectl(['get', 'events', '--field-selector', `involvedObject.name=host${LOST}`]);
  for (const reason of ['Shutdown', 'NodeNotReady']) assert.ok(events.includes(` ${reason} `), events);
  const isWhole = async (): Promise<boolean> =>
    (await running('calm')).length === 3 && there(await running('calm')).length === 0;
  await waitFor('three pods elsewhere', isWhole, TIMEOUT_MS);
  await cluster.startAgent(LOST);
  await waitFor('the board is back', isBackAndClean, TIMEOUT_MS);
});
