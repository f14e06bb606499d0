/** The Service `kubernetes` and where it leads: made at the start, once, and corrected when the address changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApi } from './api-fixture.ts';

const SLICE = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';

test('pods find the API behind the Service kubernetes, also when the master gets another address', async () => {
  let address: string | undefined = '192.168.1.2';
  const api = await startApi({ advertiseAddress: () => address, apiPort: 7443 });
  try {
    const { body } = await api.get(SLICE);
    assert.deepEqual(body.metadata.labels, { 'kubernetes.io/service-name': 'kubernetes' });
    assert.deepEqual(body.endpoints, [{ addresses: ['192.168.1.2'], conditions: { ready: true } }]);
    assert.deepEqual(body.ports, [{ name: 'https', port: 7443, protocol: 'TCP' }]);
    await api.clock.advance(60_000);
    assert.equal((await api.get(SLICE)).body.metadata.resourceVersion, body.metadata.resourceVersion);
    address = '192.168.1.77';
    await api.clock.advance(31_000);
    assert.deepEqual((await api.get(SLICE)).body.endpoints[0].addresses, ['192.168.1.77']);
    address = undefined;
    await api.clock.advance(31_000);
    assert.deepEqual((await api.get(SLICE)).body.endpoints[0].addresses, ['192.168.1.77']);
  } finally {
    await api.stop();
  }
});

test('a server that nobody can reach has no endpoint', async () => {
  const api = await startApi();
  assert.equal((await api.get(SLICE)).code, 404);
  await api.stop();
});
