/** The first slice as a user sees it: a stock kubectl against a real master, a real agent and real containers. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { startTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait.ts';

const SECOND_IMAGE = 'bramble-test/busybox:second';

const MANIFEST = `
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {index.html: from the config map}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: from the secret}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: main
          image: ${TEST_IMAGE}
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'trap "exit 0" TERM; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done']
          volumeMounts:
            - {name: page, mountPath: /page}
            - {name: key, mountPath: /key, readOnly: true}
      volumes:
        - {name: page, configMap: {name: page}}
        - {name: key, secret: {secretName: key}}
`;

interface PodList {
  items: {
    metadata: { name: string; uid: string };
    spec: { containers: { image: string }[] };
    status: { containerStatuses?: { containerID: string; restartCount: number; ready: boolean }[] };
  }[];
}

describe('first light', { concurrency: false }, () => {
  let cluster: TestCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl.output(args);
  const pods = async (): Promise<PodList['items']> =>
    (JSON.parse(await kubectl('get', 'pods', '-l', 'app=web', '-o', 'json')) as PodList).items;
  const firstPod = async (): Promise<string> => (await pods())[0]?.metadata.name ?? '';

  before(async () => {
    cluster = await startTestCluster();
    await cluster.engine.docker('tag', TEST_IMAGE, SECOND_IMAGE);
  });
  after(async () => {
    await cluster?.engine.docker('rmi', SECOND_IMAGE).catch(() => undefined);
    await cluster?.stop();
  });

  test('get nodes -o wide', async () => {
    const lines = (await kubectl('get', 'nodes', '-o', 'wide')).trim().split('\n');
    assert.match(
      lines[0] ?? '',
      /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION/,
    );
    assert.equal(lines.length, 2);
    assert.match(lines[1] ?? '', /^node-1-\w+ +Ready /);
    assert.match(lines[1] ?? '', /docker:\/\/\d/);
  });

  test('apply, rollout status, get pods -o wide -w', async () => {
    const watch = cluster.kubectl.start(['get', 'pods', '-o', 'wide', '-w']);
    try {
      const applied = await cluster.kubectl.output(['apply', '-f', '-'], { stdin: MANIFEST });
      assert.equal(applied, 'configmap/page created\nsecret/key created\ndeployment.apps/web created\n');
      assert.match(await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s'), /successfully rolled out/);
      await waitFor('the watch shows three running pods', () => {
        const running = watch.text().matchAll(/^(web-\S+) +1\/1 +Running/gm);
        return new Set([...running].map(([, name]) => name)).size === 3;
      });
      assert.match(watch.text(), /ContainerCreating|Pending/);
    } finally {
      watch.kill();
    }
    const again = await cluster.kubectl.output(['apply', '-f', '-'], { stdin: MANIFEST });
    // stringData is never read back, so kubectl sends it again.
    assert.match(
      again,
      /^configmap\/page unchanged\nsecret\/key (configured|unchanged)\ndeployment.apps\/web unchanged\n$/,
    );
  });

  test('ConfigMap and Secret are files', async () => {
    const pod = await firstPod();
    assert.equal(await kubectl('exec', pod, '--', 'cat', '/page/index.html'), 'from the config map');
    assert.equal(await kubectl('exec', pod, '--', 'cat', '/key/password'), 'from the secret');
  });

  test('describe pod', async () => {
    const text = await kubectl('describe', 'pod', await firstPod());
    for (const part of [/^Node: +node-1-/m, /^ +State: +Running/m, /^Controlled By: +ReplicaSet\/web-/m, /Started/]) {
      assert.match(text, part);
    }
  });

  test('logs and logs -f', async () => {
    const pod = await firstPod();
    assert.match(await kubectl('logs', pod, '--tail=2'), /^line \d+\nline \d+\n$/);
    const session = cluster.kubectl.start(['logs', '-f', pod, '--tail=1']);
    try {
      await waitFor('five lines follow', () => session.text().split('\n').length > 5);
    } finally {
      session.kill();
    }
  });

  test('exec -it on a terminal, with the exit code', async () => {
    const args = ['exec', '-it', await firstPod(), '--', 'sh'];
    const terminal = startTerminal(cluster.kubectl.path, args, cluster.kubectl.env);
    try {
      await waitFor('a prompt', () => /[#$] /.test(terminal.text()));
      terminal.write('test -t 0 && echo answer $((6*7))\n');
      await waitFor('an answer', () => terminal.text().includes('answer 42'));
      terminal.write('exit 7\n');
      assert.equal(await terminal.ended, 7);
    } finally {
      terminal.kill();
    }
  });

  test('exec without a terminal: input, output, exit code', async () => {
    const pod = await firstPod();
    const echoed = await cluster.kubectl.run(['exec', '-i', pod, '--', 'sh', '-c', 'cat; echo bad >&2; exit 3'], {
      stdin: 'good',
    });
    assert.equal(echoed.stdout, 'good');
    assert.match(echoed.stderr, /bad/);
    assert.equal(echoed.code, 3);
  });

  test('cp there and back', async () => {
    const pod = await firstPod();
    const [sent, back] = ['sent', 'back'].map((name) => join(cluster.folder.path, name));
    await writeFile(sent ?? '', 'carried\n'.repeat(1000));
    await kubectl('cp', sent ?? '', `${pod}:/tmp/copied`);
    await kubectl('cp', `${pod}:/tmp/copied`, back ?? '');
    assert.equal(await readFile(back ?? '', 'utf8'), 'carried\n'.repeat(1000));
  });

  test('debug looks into a pod and at its processes, and into the node', async () => {
    const pod = await firstPod();
    const script = ['sh', '-c', 'read line; echo "$line $(tr "\\0" " " < /proc/1/cmdline)"; exit 4'];
    const look = ['debug', '-i', pod, `--image=${TEST_IMAGE}`, '--target=main', '-c', 'look', '--profile=general'];
    const seen = await cluster.kubectl.run([...look, '--', ...script], { stdin: 'hello\n' });
    assert.match(seen.stdout, /^hello sh -c /m);
    const ended = '{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}';
    await waitFor('its exit code', async () => (await kubectl('get', 'pod', pod, '-o', `jsonpath=${ended}`)) === '4');
    const onNode = ['debug', `node/${cluster.nodes[0]}`, '-i', `--image=${TEST_IMAGE}`, '--profile=general'];
    const listed = await cluster.kubectl.run([...onNode, '--', 'sh', '-c', 'read line; ls -d /host/proc'], {
      stdin: '\n',
    });
    assert.match(listed.stdout, /^\/host\/proc$/m, listed.stderr);
    const debuggers = (await kubectl('get', 'pods', '-o', 'name')).split('\n').filter((name) => /debugger/.test(name));
    await kubectl('delete', ...debuggers, '--now');
  });

  test('scale', async () => {
    assert.match(await kubectl('scale', 'deployment/web', '--replicas=1'), /scaled/);
    await waitFor('one pod is left', async () => (await pods()).length === 1);
    await kubectl('scale', 'deployment/web', '--replicas=3');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    assert.equal((await pods()).length, 3);
  });

  test('set image, rollout status, history, undo', async () => {
    await kubectl('set', 'image', 'deployment/web', `main=${SECOND_IMAGE}`);
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    const images = async (): Promise<Set<string | undefined>> =>
      new Set((await pods()).map(({ spec }) => spec.containers[0]?.image));
    await waitFor('all pods have the second image', async () => {
      const found = await images();
      return found.size === 1 && found.has(SECOND_IMAGE);
    });
    assert.match(await kubectl('rollout', 'history', 'deployment/web'), /^1 +.*\n2 +/m);
    assert.match(await kubectl('rollout', 'undo', 'deployment/web'), /rolled back/);
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    await waitFor('all pods have the first image', async () => {
      const found = await images();
      return found.size === 1 && found.has(TEST_IMAGE);
    });
  });

  test('create configmap, explain, dry run, diff', async () => {
    assert.equal(await kubectl('create', 'configmap', 'extra', '--from-literal=a=1'), 'configmap/extra created\n');
    assert.equal(await kubectl('get', 'configmap', 'extra', '-o', 'jsonpath={.data.a}'), '1');
    assert.match(await kubectl('explain', 'pod.spec'), /containers.*-required-/);
    const changed = MANIFEST.replace('replicas: 3', 'replicas: 4');
    const dry = await cluster.kubectl.output(['apply', '-f', '-', '--dry-run=server'], { stdin: changed });
    assert.match(dry, /deployment.apps\/web configured \(server dry run\)/);
    assert.equal(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'), '3');
    const diff = await cluster.kubectl.run(['diff', '-f', '-'], { stdin: changed });
    assert.equal(diff.code, 1, diff.stderr);
    assert.match(diff.stdout, /^-\s+replicas: 3$/m);
    assert.match(diff.stdout, /^\+\s+replicas: 4$/m);
  });

  test('a container that is killed by hand comes back', async () => {
    const [pod] = await pods();
    const status = pod?.status.containerStatuses?.[0];
    assert.ok(pod !== undefined && status !== undefined);
    await cluster.engine.docker('kill', status.containerID.replace('docker://', ''));
    await waitFor('the container runs again', async () => {
      const now = (await pods()).find(({ metadata }) => metadata.uid === pod.metadata.uid)?.status
        .containerStatuses?.[0];
      return now?.ready && now.restartCount === status.restartCount + 1;
    });
  });

  test('kill -9 of the agent: NotReady at once, no container is restarted', async () => {
    const [node = ''] = cluster.nodes;
    const before = await containerIds();
    const killed = performance.now();
    await cluster.kill(node);
    await waitFor('the node is NotReady', async () => (await kubectl('get', 'nodes')).includes(' NotReady '), 10_000);
    assert.ok(performance.now() - killed < 10_000);
    await cluster.start();
    await waitFor('the node is Ready', async () => (await kubectl('get', 'nodes')).includes(' Ready '));
    assert.deepEqual(await containerIds(), before);
    assert.equal((await pods()).length, 3);
  });

  test('an agent that says nothing is NotReady within 10 seconds', async () => {
    const [node = ''] = cluster.nodes;
    await cluster.kill(node, 'SIGSTOP');
    try {
      await waitFor('the node is NotReady', async () => (await kubectl('get', 'nodes')).includes(' NotReady '), 10_000);
    } finally {
      await cluster.kill(node, 'SIGCONT');
    }
    await waitFor('the node is Ready', async () => (await kubectl('get', 'nodes')).includes(' Ready '));
  });

  test('kill -9 of the master in a burst of writes loses nothing acknowledged', async () => {
    const acknowledged: string[] = [];
    let going = true;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let count = 0; going && count < 500; count += 1) {
        const name = `burst-${writer}-${count}`;
        if (await createConfigMap(name)) acknowledged.push(name);
        else return;
      }
    });
    await waitFor('the burst is under way', () => acknowledged.length > 100);
    await cluster.kill('master');
    going = false;
    await Promise.all(writers);
    await cluster.start();
    const present = new Set((await kubectl('get', 'configmaps', '-o', 'name')).trim().split('\n'));
    const lost = acknowledged.filter((name) => !present.has(`configmap/${name}`));
    assert.deepEqual(lost, []);
    await waitFor('the pods are still there', async () => (await pods()).length === 3);
  });

  test('delete', async () => {
    assert.equal(await kubectl('delete', 'deployment', 'web', '--timeout=30s'), 'deployment.apps "web" deleted\n');
    await waitFor('the pods are gone', async () => (await pods()).length === 0);
    await waitFor('the containers are gone', async () => (await containerIds()).length === 0);
  });

  async function containerIds(): Promise<string[]> {
    const [node = ''] = cluster.nodes;
    const text = await cluster.engine.docker('ps', '-q', '--no-trunc', '--filter', `label=bramble.dev/node=${node}`);
    return text.split('\n').filter(Boolean).sort();
  }

  /** False when the master did not say that it was done. */
  async function createConfigMap(name: string): Promise<boolean> {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { name } };
    const answer = await cluster.https('POST', '/api/v1/namespaces/default/configmaps', object);
    return answer.code === 201;
  }
});
