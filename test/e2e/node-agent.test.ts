/**
 * The agent on a real Docker engine, disk and clock, against the real API server in this process: what virtual time cannot
 * show. Containers are really killed, files really mounted, the engine really stopped.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { openSqliteStore } from '../../master/store/sqlite-store.ts';
import { type Agent, createAgent } from '../../node-agent/agent.ts';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { createProbeDialer } from '../../node-agent/kubelet/probes/node-probe-dialer.ts';
import { nodeHostFiles } from '../../node-agent/kubelet/volumes/node-host-files.ts';
import { createSystemSensors } from '../../node-agent/sensors/system-sensors.ts';
import { ConfigMapKind } from '../../shared/api/config-map.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { SecretKind } from '../../shared/api/secret.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { sleep, systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { hasDocker, startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };
const NODE = `e2e-${process.pid}`;
const DEADLINE_MS = 60_000;
const POLL_MS = 50;

const VERSION = {
  ...{ major: '1', minor: '35', gitVersion: 'v1.35.0', gitCommit: '', gitTreeState: '', buildDate: '' },
  ...{ goVersion: '', compiler: '', platform: '' },
};

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonicMs() + DEADLINE_MS;
  while (!(await check())) {
    assert.ok(systemClock.monotonicMs() < deadline, `it never came about: ${what}`);
    await sleep(systemClock, POLL_MS);
  }
}

/** An API server, and agents that come and go on one engine. */
async function openNode(engine: TestEngine) {
  const dataDir = mkdtempSync(join(tmpdir(), 'bramble-e2e-'));
  const store = await openSqliteStore({ ...BASE, path: ':memory:', schedule: queueMicrotask });
  const server = createApiServer({ ...BASE, store, kinds: ALL_KINDS, version: VERSION });
  await server.start();
  const client = createClient((request) => server.handle(request, componentUser('system:test')));
  const nodeUser = {
    name: `system:node:${NODE}`,
    uid: '',
    groups: ['system:nodes', 'system:authenticated'],
    extra: {},
  };
  const make = (): Agent =>
    createAgent({
      ...BASE,
      node: NODE,
      client: createClient((request) => server.handle(request, nodeUser)),
      runtime: new DockerRuntime({ ...BASE, socketPath: engine.socketPath, node: NODE }),
      sensors: createSystemSensors({ clock: systemClock, root: '', storagePath: () => '/' }, process.platform),
      files: nodeHostFiles,
      paths: { root: join(dataDir, 'pods') },
      dialer: createProbeDialer(systemClock),
      internalIp: () => '127.0.0.1',
    });
  const state = { agent: make() };
  await state.agent.start();
  const getPod = (name: string): Promise<Pod> => client.get(PodKind, { namespace: 'default', name });
  return {
    client,
    dataDir,
    getPod,
    get agent() {
      return state.agent;
    },
    async restartAgent() {
      await state.agent.stop();
      state.agent = make();
      await state.agent.start();
    },
    createPod: (name: string, spec: object) =>
      client.create(PodKind, { metadata: { name, namespace: 'default' }, spec: { nodeName: NODE, ...spec } }),
    ready: (name: string) => until(`${name} is ready`, async () => isReady(await getPod(name))),
    async deletePod(name: string, gracePeriodSeconds = 2) {
      await client.delete(PodKind, { namespace: 'default', name }, { gracePeriodSeconds });
      await until(`${name} is gone`, async () => {
        const error = await getPod(name).then(
          () => undefined,
          (reason) => reason,
        );
        return isStatusError(error, 'NotFound');
      });
    },
    async close() {
      await state.agent.stop();
      await server.stop();
      await store.close();
      await removeContainers(engine);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function restartsOf({ status }: Pod): number[] {
  return (status.containerStatuses ?? []).map(({ restartCount }) => restartCount);
}

function containerIdOf({ status }: Pod, name: string): string {
  const found = status.containerStatuses?.find((item) => item.name === name);
  return (found?.containerID ?? '').replace('docker://', '');
}

async function containersOf(engine: TestEngine): Promise<string[]> {
  const ids = await engine.docker('ps', '-aq', '--no-trunc', '--filter', `label=bramble.dev/node=${NODE}`);
  return ids === '' ? [] : ids.split('\n').sort();
}

async function removeContainers(engine: TestEngine): Promise<void> {
  const ids = await containersOf(engine).catch(() => []);
  if (ids.length > 0) await engine.docker('rm', '-f', ...ids);
}

const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait; done'];

const WEB = {
  terminationGracePeriodSeconds: 2,
  initContainers: [
    {
      ...{ name: 'prepare', image: TEST_IMAGE, command: ['sh', '-c', 'echo prepared > /work/page'] },
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
    },
  ],
  containers: [
    {
      ...{ name: 'main', image: TEST_IMAGE, command: FOREVER },
      env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
      envFrom: [{ configMapRef: { name: 'conf' } }],
      resources: { requests: { cpu: '50m' }, limits: { cpu: '200m', memory: '32Mi' } },
      volumeMounts: [
        { name: 'conf', mountPath: '/conf' },
        { name: 'keys', mountPath: '/keys', readOnly: true },
        { name: 'info', mountPath: '/info' },
      ],
    },
    {
      ...{ name: 'httpd', image: TEST_IMAGE, command: ['httpd', '-f', '-p', '8080', '-h', '/work'] },
      readinessProbe: { httpGet: { path: '/page', port: 8080 }, periodSeconds: 1 },
      livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
    },
  ],
  volumes: [
    { name: 'work', emptyDir: {} },
    { name: 'conf', configMap: { name: 'conf' } },
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'info', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
  ],
};

type Opened = Awaited<ReturnType<typeof openNode>>;

async function createConfiguration({ client }: Opened): Promise<void> {
  await client.create(ConfigMapKind, { metadata: { name: 'conf', namespace: 'default' }, data: { COLOR: 'blue' } });
  await client.create(SecretKind, { metadata: { name: 'keys', namespace: 'default' }, stringData: { pin: '1234' } });
}

if (await hasDocker()) {
  describe('the agent on Docker', () => {
    let engine: TestEngine;
    let node: Opened;
    after(async () => {
      await node?.close();
      await engine?.stop();
    });
    const inMain = async (script: string): Promise<string> => {
      const id = containerIdOf(await node.getPod('web'), 'main');
      return engine.docker('exec', id, 'sh', '-c', script);
    };

    it('runs a pod with init container, two containers, volumes, environment and limits', async () => {
      engine = await startTestEngine();
      node = await openNode(engine);
      await createConfiguration(node);
      await node.createPod('web', WEB);
      await node.ready('web');
      const pod = await node.getPod('web');
      assert.equal(await inMain('cat /conf/COLOR /keys/pin /info/name'), 'blue1234web');
      assert.equal(await inMain('echo $COLOR $POD_IP'), `blue ${pod.status.podIP}`);
      assert.equal(await inMain('wget -q -O - http://127.0.0.1:8080/page'), 'prepared');
      assert.equal(await inMain('stat -L -c %a /keys/pin'), '400');
      const limits = await engine.docker(
        'inspect',
        '-f',
        '{{.HostConfig.Memory}} {{.HostConfig.CpuQuota}}',
        containerIdOf(pod, 'main'),
      );
      assert.equal(limits, `${32 << 20} 20000`);
    });

    it('shows a changed ConfigMap inside the running container', async () => {
      const key = { namespace: 'default', name: 'conf' };
      await node.client.patch(ConfigMapKind, key, { type: 'merge', body: { data: { COLOR: 'green' } } });
      await until('the file is green', async () => (await inMain('cat /conf/COLOR')) === 'green');
      assert.deepEqual(restartsOf(await node.getPod('web')), [0, 0]);
    });

    it('survives its own restart without touching a container', async () => {
      const before = await containersOf(engine);
      const started = await engine.docker('inspect', '-f', '{{.State.StartedAt}}', ...before);
      await node.restartAgent();
      await until('it has looked', async () => node.agent.kubelet.state.hasListed && node.agent.kubelet.pods.hasSynced);
      await node.createPod('marker', { containers: [{ name: 'main', image: TEST_IMAGE, command: FOREVER }] });
      await node.ready('marker');
      await node.deletePod('marker');
      assert.deepEqual(await containersOf(engine), before);
      assert.equal(await engine.docker('inspect', '-f', '{{.State.StartedAt}}', ...before), started);
      assert.deepEqual(restartsOf(await node.getPod('web')), [0, 0]);
    });

    it('brings a container back that was killed by hand', async () => {
      await engine.docker('kill', containerIdOf(await node.getPod('web'), 'main'));
      await until('it was restarted', async () => restartsOf(await node.getPod('web'))[0] === 1);
      await node.ready('web');
      const [main] = (await node.getPod('web')).status.containerStatuses ?? [];
      assert.equal(main?.lastState.terminated?.exitCode, 137);
    });

    it('answers logs and exec', async () => {
      const request = { method: 'GET' as const, headers: {}, signal: new AbortController().signal };
      const spec = {
        containers: [{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', 'echo hello; sleep 1000'] }],
      };
      await node.createPod('talk', { terminationGracePeriodSeconds: 0, ...spec });
      await node.ready('talk');
      const read = async (): Promise<string> => {
        const response = await node.agent.handler({ ...request, path: '/containerLogs/default/talk/main', query: {} });
        let text = '';
        if (response.type === 'bytes') for await (const chunk of response.chunks) text += Buffer.from(chunk).toString();
        return text;
      };
      await until('the line is there', async () => (await read()) === 'hello\n');
      await node.deletePod('talk', 0);
    });

    it('runs a pod to its end and tells how it ended', async () => {
      const command = ['sh', '-c', 'echo because > /dev/termination-log; exit 3'];
      await node.createPod('job', {
        restartPolicy: 'Never',
        containers: [{ name: 'main', image: TEST_IMAGE, command }],
      });
      await until('it has failed', async () => (await node.getPod('job')).status.phase === 'Failed');
      const [main] = (await node.getPod('job')).status.containerStatuses ?? [];
      const { exitCode, message } = main?.state.terminated ?? {};
      assert.deepEqual([exitCode, message], [3, 'because\n']);
      await node.deletePod('job');
    });

    it('says why a program cannot be started', async () => {
      await node.createPod('broken', {
        containers: [{ name: 'main', image: TEST_IMAGE, command: ['/no/such/program'] }],
      });
      const status = async () => (await node.getPod('broken')).status.containerStatuses?.[0];
      await until('it backs off', async () => (await status())?.state.waiting?.reason === 'CrashLoopBackOff');
      const { reason, message } = (await status())?.lastState.terminated ?? {};
      assert.equal(reason, 'ContainerCannotRun');
      assert.match(message ?? '', /no such file or directory/);
      await node.deletePod('broken');
    });

    it('leaves nothing of a deleted pod', async () => {
      await node.deletePod('web');
      assert.deepEqual(await containersOf(engine), []);
      assert.deepEqual(existsSync(join(node.dataDir, 'pods')) ? readdirSync(join(node.dataDir, 'pods')) : [], []);
    });
  });

  describe('the agent when the engine goes away', () => {
    let engine: TestEngine;
    let node: Opened;
    after(async () => {
      await node?.close();
      await engine?.stop();
    });

    it('says so, and brings everything back when the engine is back', async () => {
      engine = await startTestEngine({ isolated: true });
      node = await openNode(engine);
      await node.createPod('web', { containers: [{ name: 'main', image: TEST_IMAGE, command: FOREVER }] });
      await node.ready('web');
      const readiness = async () =>
        (await node.client.get(NodeKind, { name: NODE })).status.conditions?.find(({ type }) => type === 'Ready')
          ?.status;
      await engine.kill?.('SIGKILL');
      await until('the node is not ready', async () => (await readiness()) === 'False');
      await engine.restart?.();
      await until('the node is ready', async () => (await readiness()) === 'True');
      // Without live-restore the engine has killed the containers at its start.
      await until('the pod runs again', async () => {
        const pod = await node.getPod('web');
        return isReady(pod) && restartsOf(pod)[0] === 1;
      });
    });
  });
}
