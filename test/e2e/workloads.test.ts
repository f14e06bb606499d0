/** StatefulSet, DaemonSet, Job and CronJob on three real agents, by a stock kubectl: made, rolled out, undone, scaled, gone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { waitFor } from '../support/wait.ts';

const SECOND_IMAGE = 'bramble-test/busybox:workloads';

/** For kubectl's own waiting; this machine may be busy. */
const PATIENCE = '--timeout=150s';

function containerOf(script: string, more = ''): string {
  return `{name: main, image: "${TEST_IMAGE}", imagePullPolicy: IfNotPresent, command: [sh, -c, '${script}']${more}}`;
}

const MANIFEST = `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - ${containerOf('echo $(hostname) >> /data/log; exec sleep 3600', ', volumeMounts: [{name: data, mountPath: /data}]')}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: probe}
spec:
  selector: {matchLabels: {app: probe}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 3}}
  template:
    metadata: {labels: {app: probe}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - ${containerOf('exec sleep 3600')}
---
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  backoffLimitPerIndex: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - ${containerOf('echo part $JOB_COMPLETION_INDEX; exit $((JOB_COMPLETION_INDEX / 2))')}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  timeZone: Asia/Kathmandu
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - ${containerOf('echo tick')}
`;

describe('workloads', { concurrency: false }, () => {
  let cluster: TestCluster;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl.output(args, { timeoutMs: 200_000 });
  const get = async (what: string, path: string): Promise<string> =>
    (await kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`)).trim();
  const words = async (what: string, path: string): Promise<string[]> => (await get(what, path)).split(' ').sort();
  const rolledOut = (what: string): Promise<string> => kubectl('rollout', 'status', what, PATIENCE);

  before(async () => {
    cluster = await startTestCluster({ nodes: 3 });
    await cluster.engine.docker('tag', TEST_IMAGE, SECOND_IMAGE);
    // What keeps a board from getting its daemons is named by the failure.
    const taints = '{range .items[*]}{.metadata.name}{.spec.taints}{.status.conditions}{end}';
    await waitFor(
      'all boards take pods',
      async () => {
        const nodes = await get('nodes', taints);
        if (/"effect"/.test(nodes)) throw new Error(nodes);
        return true;
      },
      60_000,
    );
    await cluster.kubectl.output(['apply', '-f', '-'], { stdin: MANIFEST });
  });
  after(async () => {
    await cluster?.engine.docker('rmi', SECOND_IMAGE).catch(() => undefined);
    await cluster?.stop();
  });

  test('a daemon runs on each node', async () => {
    await rolledOut('ds/probe');
    assert.deepEqual(await words('pods -l app=probe', '{.items[*].spec.nodeName}'), [...cluster.nodes].sort());
    assert.match(await kubectl('get', 'ds', 'probe'), /probe +3 +3 +3 +3 +3 +<none>/);
  });

  test('an indexed job: parts, what failed, logs, describe', async () => {
    await kubectl('wait', '--for=condition=failed', 'job/work', PATIENCE);
    assert.equal(await get('job work', '{.status.completedIndexes}/{.status.failedIndexes}'), '0,1/2');
    const logs = await kubectl('logs', '-l', 'batch.kubernetes.io/job-name=work', '--prefix');
    assert.match(logs, /work-0-\w+\/main\] part 0/);
    assert.match(await kubectl('logs', 'job/work'), /^part \d$/m);
    assert.match(await kubectl('describe', 'job', 'work'), /Completed Indexes: +0,1\n/);
  });

  test('a stateful set: names in order, a directory each', async () => {
    await rolledOut('sts/db');
    assert.deepEqual(await words('pods -l app=db', '{.items[*].metadata.name}'), ['db-0', 'db-1']);
    assert.deepEqual(await words('pvc', '{.items[*].status.phase}'), ['Bound', 'Bound']);
    assert.equal(await kubectl('exec', 'db-1', '--', 'cat', '/data/log'), 'db-1\n');
  });

  test('rollout: a new image, history, undo; the directory stays', async () => {
    const images = (): Promise<string[]> => words('pods -l app=db', '{.items[*].spec.containers[0].image}');
    await kubectl('set', 'image', 'sts/db', `main=${SECOND_IMAGE}`);
    await rolledOut('sts/db');
    assert.deepEqual(await images(), [SECOND_IMAGE, SECOND_IMAGE]);
    assert.match(await kubectl('rollout', 'history', 'sts/db'), /\n1 +<none>\n2 +<none>\n/);
    assert.match(await kubectl('rollout', 'undo', 'sts/db'), /rolled back/);
    await rolledOut('sts/db');
    assert.deepEqual(await images(), [TEST_IMAGE, TEST_IMAGE]);
    assert.match(await kubectl('rollout', 'history', 'sts/db'), /\n2 +<none>\n3 +<none>\n/);
    assert.equal(await kubectl('exec', 'db-0', '--', 'cat', '/data/log'), 'db-0\n'.repeat(3));
  });

  test('rollout restart of a daemon set', async () => {
    const before = await words('pods -l app=probe', '{.items[*].metadata.uid}');
    await kubectl('rollout', 'restart', 'ds/probe');
    await rolledOut('ds/probe');
    const restarted = await words('pods -l app=probe', '{.items[*].metadata.uid}');
    assert.equal(new Set([...before, ...restarted]).size, 6);
  });

  test('scaled down: the highest name goes, and its claim with it', async () => {
    await kubectl('scale', 'sts', 'db', '--replicas=1');
    await kubectl('wait', '--for=delete', 'pod/db-1', 'pvc/data-db-1', PATIENCE);
    assert.deepEqual(await words('pods -l app=db', '{.items[*].metadata.name}'), ['db-0']);
  });

  test('a cron job starts its minute, and one by hand', async () => {
    const limitMs = 150_000;
    await waitFor(
      'a job of the schedule',
      async () => /^job.*tick-\d+$/m.test(await kubectl('get', 'jobs', '-o', 'name')),
      limitMs,
    );
    const name = /tick-\d+/.exec(await kubectl('get', 'jobs', '-o', 'name'))?.[0] ?? '';
    const slot = await get(
      `job ${name}`,
      '{.metadata.annotations.batch\\.kubernetes\\.io/cronjob-scheduled-timestamp}',
    );
    assert.match(slot, /:00\+05:45$/);
    assert.equal(Number(name.split('-')[1]) * 60_000, Date.parse(slot));
    await kubectl('create', 'job', 'by-hand', '--from=cronjob/tick');
    await kubectl('wait', '--for=condition=complete', 'job/by-hand', `job/${name}`, PATIENCE);
    assert.match(await kubectl('get', 'cj', 'tick'), /tick +\* \* \* \* \* +Asia\/Kathmandu +False +\d +\d+s/);
  });

  test('deleted with what belongs to them', async () => {
    await kubectl('delete', 'sts/db', 'ds/probe', 'cj/tick', 'job/work', '--cascade=foreground', PATIENCE);
    await waitFor(
      'nothing is left',
      async () => (await get('pods,jobs,controllerrevisions', '{.items[*].metadata.name}')) === '',
    );
  });
});
