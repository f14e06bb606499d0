/**
 * A board that is left alone, on a real engine with the shipped bundles: its agent is killed and replaced, its master goes
 * away, its engine is restarted, its power fails. Each step begins where the one before has left the board.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { ContainerStatus } from '../../shared/api/container-status.ts';
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Secret } from '../../shared/api/secret.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { type Board, openBoard, type RunningContainer } from '../support/board.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { hasDocker, TEST_IMAGE } from '../support/docker.ts';
import { waitFor } from '../support/wait.ts';

const PODS = '/api/v1/namespaces/default/pods';
const SECRET = '/api/v1/namespaces/default/secrets/keys';
const PATIENCE_MS = 120_000;

/** Back-off after the second crash of a container, and what a clock that is read twice may differ by. */
const BACKOFF_MS = 10_000;
const TOLERANCE_MS = 1_000;

const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'];

const PLAIN = { name: 'main', image: TEST_IMAGE, command: FOREVER };

const WEB = {
  ...PLAIN,
  env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'color' } } }],
  livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/sick'] }, periodSeconds: 1, failureThreshold: 1 },
  volumeMounts: [{ name: 'keys', mountPath: '/keys' }],
};

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const skip = (await hasDocker()) ? false : 'there is no Docker';

describe('a board left alone', { skip, concurrency: false }, () => {
  let cluster: TestCluster;
  let board: Board;

  before(async () => {
    cluster = await startTestCluster({ engine: { isolated: true, liveRestore: true } });
    board = await openBoard(cluster);
    await create('configmaps', { metadata: { name: 'conf' }, data: { color: 'blue' } });
    await create('secrets', { metadata: { name: 'keys' }, stringData: { pin: '1234' } });
    const volumes = [{ name: 'keys', secret: { secretName: 'keys' } }];
    await createPod('web', { containers: [WEB], volumes });
    for (const name of ['calm', 'once']) await createPod(name, { containers: [PLAIN] });
    for (const name of ['web', 'calm', 'once']) await ready(name);
  });
  after(() => cluster?.stop());

  async function create(plural: string, object: object): Promise<void> {
    const { code, body } = await cluster.https('POST', `/api/v1/namespaces/default/${plural}`, object);
    assert.equal(code, 201, JSON.stringify(body));
  }

  function createPod(name: string, spec: object): Promise<void> {
    const [nodeName = ''] = cluster.nodes;
    return create('pods', { metadata: { name }, spec: { nodeName, terminationGracePeriodSeconds: 1, ...spec } });
  }

  async function getPod(name: string): Promise<Pod> {
    const { code, body } = await cluster.https('GET', `${PODS}/${name}`);
    assert.equal(code, 200, JSON.stringify(body));
    return body as Pod & JsonObject;
  }

  function until(name: string, what: string, check: (pod: Pod, status: ContainerStatus) => boolean): Promise<Pod> {
    const look = async (): Promise<Pod | false> => {
      const pod = await getPod(name);
      const [status] = pod.status.containerStatuses ?? [];
      return status !== undefined && check(pod, status) && pod;
    };
    return waitFor(`${name}: ${what}`, look, PATIENCE_MS);
  }

  function ready(name: string): Promise<Pod> {
    return until(name, 'is ready', (_pod, status) => status.ready);
  }

  function nodeIs(status: string): Promise<boolean> {
    return waitFor(
      `the node's Ready is ${status}`,
      async () => {
        const { body } = await cluster.https('GET', `/api/v1/nodes/${cluster.nodes[0]}`);
        const { conditions = [] } = (body as Node & JsonObject).status;
        return conditions.some((condition) => condition.type === 'Ready' && condition.status === status);
      },
      PATIENCE_MS,
    );
  }

  /** Waits until another run of the pod's container is there than this one. */
  function restarted({ pod, id }: RunningContainer): Promise<RunningContainer> {
    return waitFor(
      `${pod} runs again`,
      async () => (await board.running()).find((one) => one.pod === pod && one.id !== id),
      PATIENCE_MS,
    );
  }

  it('a killed agent and its next version leave what runs alone, and look after what ended meanwhile', async () => {
    const [web, calm, once] = [await board.find('web'), await board.find('calm'), await board.find('once')];
    await board.killAgent();
    await cluster.engine.docker('kill', once.id);
    await board.startAgent({ nextBundle: true });
    assert.equal((await restarted(once)).attempt, 1);
    await until('once', 'its crash is told', (_pod, status) => status.ready && status.restartCount === 1);
    assert.deepEqual([await board.find('web'), await board.find('calm')], [web, calm]);
    assert.equal((await ready('web')).status.containerStatuses?.[0]?.restartCount, 0);
  });

  it('a Secret that is replaced reaches the running pod', async () => {
    const web = await board.find('web');
    const present = (await cluster.https('GET', SECRET)).body as Secret & JsonObject;
    const data = { pin: Buffer.from('5678').toString('base64') };
    assert.equal((await cluster.https('PUT', SECRET, { ...present, data })).code, 200);
    await waitFor('the new pin', async () => (await board.sh('web', 'cat /keys/pin')) === '5678', PATIENCE_MS);
    assert.deepEqual(await board.find('web'), web);
  });

  it('without its master it restarts with back-off and asks its probes; nothing is rebuilt when it is back', async () => {
    await cluster.kill('master');
    const [web, once] = [await board.find('web'), await board.find('once')];
    await cluster.engine.docker('kill', once.id);
    await board.sh('web', 'touch /tmp/sick');
    const [webAgain, onceAgain] = [await restarted(web), await restarted(once)];
    assert.equal(await board.sh('web', 'cat /keys/pin; echo " $COLOR"'), '5678 blue');
    const ended = await cluster.engine.docker('inspect', '-f', '{{.State.FinishedAt}}', once.id);
    const pauseMs = Date.parse(onceAgain.startedAt) - Date.parse(ended);
    assert.ok(pauseMs >= BACKOFF_MS - TOLERANCE_MS, `restarted after ${pauseMs} ms`);
    const alone = await board.running();
    await cluster.start();
    await until('web', 'its restart is told', (_pod, status) => status.restartCount === 1 && status.ready);
    await until('once', 'its restarts are told', (_pod, status) => status.restartCount === 2 && status.ready);
    assert.deepEqual(await board.running(), alone);
    assert.equal((await getPod('web')).status.containerStatuses?.[0]?.containerID, `docker://${webAgain.id}`);
  });

  it('an engine that is restarted under its pods loses none, and is watched again', async () => {
    const before = await board.running();
    await cluster.engine.kill?.('SIGKILL');
    await nodeIs('False');
    await cluster.engine.restart?.();
    await nodeIs('True');
    assert.deepEqual(await board.running(), before);
    const calm = await board.find('calm');
    await cluster.engine.docker('kill', calm.id);
    assert.equal((await restarted(calm)).attempt, calm.attempt + 1);
    await until('calm', 'its crash is told', (_pod, status) => status.ready && status.restartCount === 1);
  });

  it('without a master it starts everything again after a power cut, with its Secrets and ConfigMaps', async () => {
    await cluster.kill('master');
    await board.cutPower();
    await board.boot();
    for (const name of ['web', 'calm', 'once']) await board.find(name);
    assert.equal(await board.sh('web', 'cat /keys/pin; echo " $COLOR"'), '5678 blue');
    const alone = await board.running();
    assert.equal(alone.length, 3);
    await cluster.start();
    for (const { pod, id } of alone) {
      await until(pod, 'is told', (_pod, status) => status.ready && status.containerID === `docker://${id}`);
    }
    assert.deepEqual(await board.running(), alone);
    await waitFor('a token again', () => board.sh('web', `test -s ${TOKEN} && echo yes`).then(Boolean), PATIENCE_MS);
  });

  it('a pod that was replaced while the board was away is fenced by its UID', async () => {
    const old = await board.find('calm');
    await board.killAgent();
    const deleted = await cluster.https('DELETE', `${PODS}/calm?gracePeriodSeconds=0`);
    assert.equal(deleted.code, 200, JSON.stringify(deleted.body));
    await createPod('calm', { containers: [PLAIN] });
    await board.startAgent();
    const { metadata } = await ready('calm');
    assert.notEqual(metadata.uid, old.uid);
    await waitFor('nothing is left of the old one', async () => (await listAll(old.uid)) === '', PATIENCE_MS);
    assert.equal((await board.find('calm')).uid, metadata.uid);
  });

  function listAll(uid: string): Promise<string> {
    return cluster.engine.docker('ps', '-aq', '--filter', `label=io.kubernetes.pod.uid=${uid}`);
  }

  it('deleted pods leave nothing behind', async () => {
    for (const name of ['web', 'calm', 'once']) await cluster.https('DELETE', `${PODS}/${name}`);
    await waitFor('no pod is left', async () => {
      const { body } = await cluster.https('GET', PODS);
      return Array.isArray(body['items']) && body['items'].length === 0;
    });
    const { engine, nodes } = cluster;
    assert.equal(await engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${nodes[0]}`), '');
    assert.equal(await engine.docker('volume', 'ls', '-q'), '');
    for (const folder of ['pods', 'pods-memory']) assert.deepEqual(await readdir(board.path(folder)), []);
    const kept = async (): Promise<string[]> => readdir(board.path('assignment'));
    const isOfPods = (name: string): boolean => /^(Pod|Secret|ConfigMap)-/.test(name);
    await waitFor('nothing of them is remembered', async () => !(await kept()).some(isOfPods));
  });
});
