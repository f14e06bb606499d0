/** Jobs at work on the real API server: what a user asks for, and what becomes of it. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { EventKind } from '../../../shared/api/event.ts';
import { type Job, JobKind } from '../../../shared/api/job.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { getCondition, isConditionTrue } from '../../../shared/machinery/conditions.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { type LiveCluster, type LiveClusterOptions, startLiveCluster } from './live-cluster.ts';

const KEY = { namespace: 'default', name: 'work' };

type Spec = NonNullable<Draft<Job>['spec']>;

let cluster: LiveCluster;

async function start(options: LiveClusterOptions): Promise<void> {
  cluster = await startLiveCluster(options);
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.addNode({ name });
}

afterEach(() => cluster.stop());

function create(spec: Spec = {}): Promise<Job> {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'main', image: 'busybox:1' }] } };
  return cluster.client.create(JobKind, { metadata: KEY, spec: { template, ...spec } });
}

function get(): Promise<Job> {
  return cluster.client.get(JobKind, KEY);
}

function until(type: string, limitMs?: number): Promise<Job> {
  const condition = async (): Promise<Job | false> => {
    const job = await get();
    return isConditionTrue(job.status.conditions, type) && job;
  };
  return cluster.until(type, condition, limitMs);
}

/** The most pods that were active at a time, looked at after each change. */
async function watchActive(): Promise<() => number> {
  let most = 0;
  const abort = new AbortController();
  const pods = new Map<string, Pod>();
  void (async () => {
    for await (const event of cluster.client.watch(PodKind, { signal: abort.signal })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') pods.delete(event.object.metadata.uid);
      else pods.set(event.object.metadata.uid, event.object);
      const active = [...pods.values()].filter(
        ({ status, metadata }) =>
          !metadata.deletionTimestamp && status.phase !== 'Succeeded' && status.phase !== 'Failed',
      );
      most = Math.max(most, active.length);
    }
  })().catch(() => undefined);
  await cluster.clock.settle();
  return () => {
    abort.abort();
    return most;
  };
}

test('a Job runs its completions, no more than parallelism at a time, and says so', async () => {
  await start({ ends: () => ({ afterMs: 3_000, phase: 'Succeeded' }) });
  const most = await watchActive();
  await create({ completions: 7, parallelism: 3 });
  const { status } = await until('Complete');
  assert.deepEqual([status.succeeded, status.failed, status.active], [7, undefined, undefined]);
  assert.equal(getCondition(status.conditions, 'SuccessCriteriaMet')?.reason, 'CompletionsReached');
  assert.deepEqual(status.uncountedTerminatedPods, {});
  assert.ok(status.startTime !== undefined && status.completionTime !== undefined);
  assert.equal(most(), 3);
  const pods = await cluster.pods();
  assert.equal(pods.length, 7);
  assert.ok(pods.every(({ metadata }) => metadata.finalizers === undefined));
  await cluster.clock.advance(2_000);
  const events = (await cluster.client.list(EventKind)).items.map(({ reason }) => reason);
  assert.ok(events.includes('Completed') && events.includes('SuccessfulCreate'));
});

test('a failing Job backs off and gives up', async () => {
  await start({ ends: () => ({ afterMs: 1_000, phase: 'Failed' }) });
  await create({ backoffLimit: 2 });
  const startMs = cluster.clock.monotonicMs();
  const { status } = await until('Failed');
  assert.equal(getCondition(status.conditions, 'Failed')?.reason, 'BackoffLimitExceeded');
  assert.equal(status.failed, 3);
  assert.equal((await cluster.pods()).length, 3);
  // 10 s after the first failure, 20 s after the second.
  assert.ok(cluster.clock.monotonicMs() - startMs > 30_000);
});

test('an indexed Job gives each index a pod that knows it', async () => {
  await start({ ends: () => ({ afterMs: 1_000, phase: 'Succeeded' }) });
  await create({ completions: 4, parallelism: 2, completionMode: 'Indexed' });
  const { status } = await until('Complete');
  assert.deepEqual([status.completedIndexes, status.succeeded], ['0-3', 4]);
  const pods = await cluster.pods();
  const hostnames = pods.map(({ spec }) => spec.hostname).sort();
  assert.deepEqual(hostnames, ['work-0', 'work-1', 'work-2', 'work-3']);
  const [first] = pods;
  const index = first?.metadata.labels?.['batch.kubernetes.io/job-completion-index'];
  assert.match(first?.metadata.name ?? '', new RegExp(`^work-${index}-`));
  assert.equal(first?.metadata.annotations?.['batch.kubernetes.io/job-completion-index'], index);
  assert.equal(first?.spec.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX');
});

test('with a limit for each index the others go on', async () => {
  const indexOf = ({ metadata }: Pod) => metadata.labels?.['batch.kubernetes.io/job-completion-index'];
  await start({ ends: (pod) => ({ afterMs: 1_000, phase: indexOf(pod) === '1' ? 'Failed' : 'Succeeded' }) });
  await create({ completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 1 });
  const { status } = await until('Failed');
  assert.equal(getCondition(status.conditions, 'Failed')?.reason, 'FailedIndexes');
  assert.deepEqual([status.completedIndexes, status.failedIndexes, status.failed], ['0,2', '1', 2]);
  const counts = (await cluster.pods())
    .filter((pod) => indexOf(pod) === '1')
    .map(({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-index-failure-count']);
  assert.deepEqual(counts.sort(), ['0', '1']);
});

test('a policy ends the job at once, and ignores what is no fault of its pods', async () => {
  const exitCodes = [3, 42];
  await start({ ends: () => ({ afterMs: 1_000, phase: 'Failed', exitCode: exitCodes.shift() ?? 1 }) });
  const rules = [
    { action: 'Ignore' as const, onExitCodes: { operator: 'In' as const, values: [3] } },
    { action: 'FailJob' as const, onExitCodes: { operator: 'In' as const, values: [42] } },
  ];
  await create({ backoffLimit: 6, podFailurePolicy: { rules } });
  const { status } = await until('Failed');
  const failed = getCondition(status.conditions, 'Failed');
  assert.equal(failed?.reason, 'PodFailurePolicy');
  assert.match(failed?.message ?? '', /failed with exit code 42 matching FailJob rule at index 1$/);
  assert.deepEqual([status.failed, (await cluster.pods()).length], [1, 2]);
});

test('a deadline ends what runs', async () => {
  await start({});
  await create({ parallelism: 2, completions: 2, activeDeadlineSeconds: 20 });
  const { status } = await until('Failed');
  assert.equal(getCondition(status.conditions, 'Failed')?.reason, 'DeadlineExceeded');
  await cluster.until('no pods', async () => (await cluster.pods()).length === 0);
  assert.equal(status.failed, 2);
});

test('a suspended Job has no pods and begins anew when it is resumed', async () => {
  await start({});
  await create({ parallelism: 2, completions: 2, suspend: true });
  const waiting = await until('Suspended');
  assert.equal(waiting.status.startTime, undefined);
  assert.equal((await cluster.pods()).length, 0);
  const suspend = (value: boolean) =>
    cluster.client.patch(JobKind, KEY, { type: 'merge', body: { spec: { suspend: value } } });
  await suspend(false);
  await cluster.until('two pods', async () => (await get()).status.ready === 2);
  await suspend(true);
  await cluster.until('no pods', async () => (await cluster.pods()).length === 0);
  const { status } = await until('Suspended');
  assert.deepEqual([status.failed, status.startTime], [undefined, undefined]);
  await suspend(false);
  await cluster.until('two pods again', async () => (await get()).status.ready === 2);
});

test('less parallelism gives pods up without counting them', async () => {
  await start({});
  await create({ parallelism: 3, completions: 5 });
  await cluster.until('three pods', async () => (await get()).status.ready === 3);
  await cluster.client.patch(JobKind, KEY, { type: 'merge', body: { spec: { parallelism: 1 } } });
  await cluster.until('one pod', async () => (await cluster.pods()).length === 1);
  await cluster.clock.advance(5_000);
  const { status } = await get();
  assert.deepEqual([status.active, status.failed], [1, undefined]);
});

test('a success policy is enough', async () => {
  const isFirst = ({ metadata }: Pod) => metadata.labels?.['batch.kubernetes.io/job-completion-index'] === '0';
  await start({ ends: (pod) => (isFirst(pod) ? { afterMs: 1_000, phase: 'Succeeded' } : undefined) });
  const successPolicy = { rules: [{ succeededIndexes: '0' }] };
  await create({ parallelism: 3, completions: 3, completionMode: 'Indexed', successPolicy });
  const { status } = await until('Complete');
  assert.equal(getCondition(status.conditions, 'Complete')?.reason, 'SuccessPolicy');
  assert.equal(status.completedIndexes, '0');
  await cluster.until('the others to go', async () => (await cluster.pods()).length === 1);
});

test('one success ends a job without completions', async () => {
  const delays = [1_000, 2_000, 3_000];
  await start({ ends: () => ({ afterMs: delays.shift() ?? 0, phase: 'Succeeded' }) });
  await create({ parallelism: 3 });
  const { status, spec } = await until('Complete');
  assert.deepEqual([spec.completions, status.succeeded], [undefined, 3]);
});

test('a finished Job is deleted after its time, its pods with it', async () => {
  await start({ ends: () => ({ afterMs: 1_000, phase: 'Succeeded' }) });
  await create({ ttlSecondsAfterFinished: 30 });
  await until('Complete');
  await cluster.clock.advance(25_000);
  assert.ok(await cluster.exists(JobKind, KEY.name));
  await cluster.until('the job to go', async () => !(await cluster.exists(JobKind, KEY.name)));
  await cluster.until('its pods to go', async () => (await cluster.pods()).length === 0);
});

test('a Job that is deleted takes its pods along, finalizers or not; an orphaned pod is set free', async () => {
  await start({});
  await create({ parallelism: 2, completions: 2 });
  await cluster.until('two pods', async () => (await get()).status.ready === 2);
  await cluster.client.delete(JobKind, KEY, { propagationPolicy: 'Background' });
  await cluster.until('no pods', async () => (await cluster.pods()).length === 0);
  await create({});
  await cluster.until('a pod', async () => (await get()).status.ready === 1);
  await cluster.client.delete(JobKind, KEY, { propagationPolicy: 'Orphan' });
  const free = async () => {
    const pods = await cluster.pods();
    return pods.length === 1 && pods.every(({ metadata }) => !metadata.ownerReferences && !metadata.finalizers);
  };
  await cluster.until('a free pod', free);
});

test('with podReplacementPolicy Failed a pod is replaced when it has ended, not before', async () => {
  await start({});
  await create({ podReplacementPolicy: 'Failed' });
  const [pod] = await cluster.until('a pod', async () => (await get()).status.ready === 1 && cluster.pods());
  await cluster.setLink(pod?.spec.nodeName ?? '', 'down');
  await cluster.client.delete(PodKind, { namespace: 'default', name: pod?.metadata.name ?? '' });
  await cluster.clock.advance(10_000);
  assert.equal((await cluster.pods()).length, 1);
  assert.equal((await get()).status.terminating, 1);
  await cluster.setLink(pod?.spec.nodeName ?? '', 'up');
  await cluster.until('another pod', async () => {
    const pods = await cluster.pods();
    return pods.length === 1 && pods[0]?.metadata.uid !== pod?.metadata.uid;
  });
  assert.equal((await get()).status.failed, 1);
});

test('a pod that is given up, and succeeds before that is counted, is a success', async () => {
  let late: string | undefined;
  /** Its board answers at the last moment: between what the plan was made from and the finalizer's end. */
  const succeedBefore = (client: Client): Client => ({
    ...client,
    async patch(kind, key, options) {
      if (key.name === late && options.subresource === undefined) {
        late = undefined;
        const body = { status: { phase: 'Succeeded' } };
        await cluster.client.patch(PodKind, key, { type: 'merge', subresource: 'status', body });
      }
      return client.patch(kind, key, options);
    },
  });
  await start({ disturb: { controllers: succeedBefore } });
  await create({ completionMode: 'Indexed', completions: 1 });
  const [pod] = await cluster.until('a pod', async () => (await get()).status.ready === 1 && cluster.pods());
  late = pod?.metadata.name;
  await cluster.setLink(pod?.spec.nodeName ?? '', 'down');
  await cluster.client.delete(PodKind, { namespace: 'default', name: late ?? '' });
  const { status } = await until('Complete');
  assert.deepEqual([status.completedIndexes, status.succeeded, status.failed], ['0', 1, undefined]);
  assert.deepEqual(
    (await cluster.pods()).map(({ metadata }) => metadata.uid),
    [pod?.metadata.uid],
  );
});
