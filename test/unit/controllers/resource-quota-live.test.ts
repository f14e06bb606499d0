/** Quotas at work: the status follows what is used, and a workload grows to its quota and no further. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { type ResourceQuota, ResourceQuotaKind } from '../../../shared/api/resource-quota.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

const KEY = { namespace: 'default', name: 'q' };

let cluster: LiveCluster;
beforeEach(async () => {
  cluster = await startLiveCluster();
  await cluster.addNode({ name: 'pi-1' });
});
afterEach(() => cluster.stop());

function used(wanted: Record<string, string>): Promise<ResourceQuota> {
  return cluster.until(`used ${JSON.stringify(wanted)}`, async () => {
    const quota = await cluster.client.get(ResourceQuotaKind, KEY);
    const matches = Object.entries(wanted).every(([name, amount]) => quota.status.used?.[name] === amount);
    return matches && quota;
  });
}

test('a deployment fills its quota; what is raised is used', async () => {
  const hard = { pods: '3', 'count/deployments.apps': '1', configmaps: '5' };
  await cluster.client.create(ResourceQuotaKind, { metadata: KEY, spec: { hard } });
  const { status } = await used({ pods: '0', 'count/deployments.apps': '0' });
  assert.deepEqual(status.hard, hard);
  const metadata = { namespace: 'default', name: 'web' };
  await cluster.client.create(DeploymentKind, { metadata, spec: makeDeployment({ replicas: 5 }).spec });
  await used({ pods: '3', 'count/deployments.apps': '1' });
  const body = { spec: { hard: { ...hard, pods: '10' } } };
  await cluster.client.patch(ResourceQuotaKind, KEY, { type: 'merge', body });
  await used({ pods: '5' });
  const change = { spec: { replicas: 1 } };
  await cluster.client.patch(DeploymentKind, metadata, { type: 'merge', body: change });
  await used({ pods: '1' });
});

test('a pod on a lost board counts until its time to end is over', async () => {
  await cluster.client.create(ResourceQuotaKind, { metadata: KEY, spec: { hard: { pods: '1', 'count/pods': '9' } } });
  const metadata = { namespace: 'default', name: 'p' };
  const spec = { containers: [{ name: 'main', image: 'busybox' }], terminationGracePeriodSeconds: 20 };
  await cluster.client.create(PodKind, { metadata, spec });
  await cluster.until('a running pod', async () => (await cluster.pods())[0]?.status.phase === 'Running');
  await used({ pods: '1' });
  await cluster.client.patch(PodKind, metadata, { type: 'merge', body: { metadata: { finalizers: ['a.test/keep'] } } });
  await cluster.client.delete(PodKind, metadata);
  await used({ pods: '0', 'count/pods': '1' });
  await cluster.client.create(PodKind, { metadata: { ...metadata, name: 'next' }, spec });
});
