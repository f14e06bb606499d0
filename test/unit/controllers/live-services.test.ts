/** Services at work: slices follow the pods, with few writes, and go with the service. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { type EndpointSlice, EndpointSliceKind } from '../../../shared/api/endpoint-slice.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

const KEY = { namespace: 'default', name: 'web' };
const ports = [{ port: 80, targetPort: 8080 }];

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.addNode({ name });
  await cluster.client.create(DeploymentKind, { metadata: KEY, spec: makeDeployment().spec });
  await cluster.client.create(ServiceKind, { metadata: KEY, spec: { selector: { app: 'web' }, ports } });
});

afterEach(() => cluster.stop());

async function slices(): Promise<EndpointSlice[]> {
  const list = await cluster.client.list(EndpointSliceKind, { labelSelector: 'kubernetes.io/service-name=web' });
  return list.items;
}

function ready(count: number): Promise<EndpointSlice> {
  return cluster.until(`${count} ready endpoints`, async () => {
    const [slice, ...others] = await slices();
    const isRight = slice?.endpoints.filter(({ conditions }) => conditions.ready).length === count;
    return others.length === 0 && isRight && slice.endpoints.length === count && slice;
  });
}

test('a service of three pods on three boards', async () => {
  const slice = await ready(3);
  assert.deepEqual(slice.endpoints.map(({ nodeName }) => nodeName).sort(), ['pi-1', 'pi-2', 'pi-3']);
  assert.deepEqual(slice.ports, [{ name: '', protocol: 'TCP', port: 8080 }]);
  const addresses = (await cluster.pods()).map(({ status }) => status.podIP);
  assert.deepEqual(slice.endpoints.flatMap((endpoint) => endpoint.addresses).sort(), addresses.sort());
});

test('many new pods cost few writes', async () => {
  const before = Number((await ready(3)).metadata.generation ?? 0);
  assert.equal(before, 0);
  let writes = 0;
  const abort = new AbortController();
  const watching = (async () => {
    const from = (await cluster.client.list(EndpointSliceKind)).metadata.resourceVersion;
    for await (const _ of cluster.client.watch(EndpointSliceKind, { resourceVersion: from, signal: abort.signal })) {
      writes += 1;
    }
  })();
  await cluster.client.patch(DeploymentKind, KEY, { type: 'merge', body: { spec: { replicas: 23 } } });
  await ready(23);
  abort.abort();
  await watching.catch(() => undefined);
  assert.ok(writes <= 6, `${writes} writes for 20 pods`);
});

test('a board without link takes its endpoints out, and brings them back', async () => {
  await ready(3);
  await cluster.setLink('pi-2', 'down');
  await cluster.until('the lost endpoint', async () => {
    const [slice] = await slices();
    return slice?.endpoints.every(({ nodeName, conditions }) => nodeName !== 'pi-2' || !conditions.ready);
  });
  await cluster.setLink('pi-2', 'up');
  await cluster.until('three ready ones', async () => {
    const [slice] = await slices();
    return slice?.endpoints.filter(({ conditions }) => conditions.ready).length === 3;
  });
});

test('a deleted slice is made again, a foreign one is left alone', async () => {
  const { metadata } = await ready(3);
  const labels = { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'hand' };
  await cluster.client.create(EndpointSliceKind, {
    metadata: { name: 'by-hand', namespace: 'default', labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.168.1.9'] }],
  });
  await cluster.client.delete(EndpointSliceKind, { namespace: 'default', name: metadata.name });
  await cluster.until('a new slice', async () => {
    const made = (await slices()).filter((slice) => slice.metadata.name !== 'by-hand');
    return made.length === 1 && made[0]?.metadata.name !== metadata.name;
  });
  assert.ok(await cluster.exists(EndpointSliceKind, 'by-hand'));
});

test('slices go with their service', async () => {
  await ready(3);
  await cluster.client.delete(ServiceKind, KEY);
  await cluster.until('no slice', async () => (await slices()).length === 0);
  assert.equal((await cluster.client.list(PodKind)).items.length, 3);
});
