/** Evictions and budgets at work: never more pods go than the budget allows, whoever asks how often at once. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { type PodDisruptionBudget, PodDisruptionBudgetKind } from '../../../shared/api/pod-disruption-budget.ts';
import { isStatusError, type StatusError } from '../../../shared/machinery/errors.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

const KEY = { namespace: 'default', name: 'web' };

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name });
  await cluster.client.create(DeploymentKind, { metadata: KEY, spec: makeDeployment({ replicas: 5 }).spec });
  await cluster.until('five pods', async () => {
    const pods = await cluster.pods();
    return pods.length === 5 && pods.every(({ status }) => status.phase === 'Running');
  });
});

afterEach(() => cluster.stop());

async function createBudget(spec: Partial<PodDisruptionBudget['spec']>): Promise<void> {
  await cluster.client.create(PodDisruptionBudgetKind, {
    metadata: KEY,
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  });
}

function allowing(count: number): Promise<PodDisruptionBudget> {
  return cluster.until(`${count} allowed disruptions`, async () => {
    const found = await cluster.client.get(PodDisruptionBudgetKind, KEY);
    return found.status.disruptionsAllowed === count && found.status.observedGeneration !== undefined && found;
  });
}

async function evict(name: string, deleteOptions: Record<string, unknown> = {}): Promise<StatusError | undefined> {
  try {
    await cluster.client.post(PodKind, { namespace: 'default', name }, 'eviction', { deleteOptions });
    return undefined;
  } catch (error) {
    if (isStatusError(error)) return error;
    throw error;
  }
}

async function names(): Promise<string[]> {
  return (await cluster.pods()).map(({ metadata }) => metadata.name);
}

test('of five evictions at once two go, the others are told why and how they go later', async () => {
  await createBudget({ maxUnavailable: 2 });
  await allowing(2);
  const answers = await Promise.all((await names()).map((name) => evict(name)));
  const refused = answers.flatMap((answer) => answer ?? []);
  assert.equal(refused.length, 3);
  const [{ code, status }] = refused as [StatusError];
  assert.equal(code, 429);
  assert.equal(status.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.deepEqual(status.details?.causes, [
    { reason: 'DisruptionBudget', message: 'The disruption budget web needs 3 healthy pods and has 5 currently' },
  ]);
  await allowing(0);
  // New pods come, and with them the allowance.
  const { status: later } = await allowing(2);
  assert.equal(later.disruptedPods, undefined);
  assert.equal(later.expectedPods, 5);
});

test('a dry run takes nothing; an unknown pod, a wrong uid and a budget that is not counted yet', async () => {
  await createBudget({ minAvailable: 4 });
  await allowing(1);
  const [name = ''] = await names();
  for (let round = 0; round < 3; round += 1) assert.equal(await evict(name, { dryRun: ['All'] }), undefined);
  await allowing(1);
  assert.equal((await evict('none'))?.code, 404);
  assert.equal((await evict(name, { preconditions: { uid: 'other' } }))?.code, 409);
  await allowing(1);
  await cluster.client.patch(PodDisruptionBudgetKind, KEY, { type: 'merge', body: { spec: { minAvailable: 5 } } });
  assert.match((await evict(name))?.status.details?.causes?.[0]?.message ?? '', /still being processed/);
  await allowing(0);
});

test('a pod says that it was evicted; one without a budget just goes', async () => {
  const [name = ''] = await names();
  await cluster.setLink('pi-1', 'down');
  await cluster.setLink('pi-2', 'down');
  assert.equal(await evict(name), undefined);
  const pod = await cluster.client.get(PodKind, { namespace: 'default', name });
  assert.ok(pod.metadata.deletionTimestamp);
  assert.equal(pod.status.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'EvictionByEvictionAPI');
});

test('a storm of evictions never brings the healthy pods below the budget', async () => {
  await createBudget({ minAvailable: 3 });
  await allowing(2);
  let lowest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 60; round += 1) {
    await Promise.all((await names()).map((name) => evict(name)));
    const healthy = (await cluster.pods()).filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True'),
    );
    lowest = Math.min(lowest, healthy.length);
    await cluster.clock.advance(130);
  }
  assert.equal(lowest, 3);
});
