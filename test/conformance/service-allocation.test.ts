/** Addresses and node ports of Services: no leaks and no doubles, whatever is written at once, also after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { ServiceKind } from '../../shared/api/service.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { nextInt, seededRandom } from '../../shared/platform/random.ts';
import { type Any, type ApiFixture, admin, startApi, VERSION } from './api-fixture.ts';

const SERVICES = '/api/v1/namespaces/default/services';

/** Sixteen addresses; the first, the last, the API's and the one of cluster DNS are kept back. */
const SMALL = { serviceCidrs: ['10.50.0.0/28'] };
const FREE = 12;

const portsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `p${index}`, port: 80 + index }));

async function stored(api: ApiFixture): Promise<Any[]> {
  return (await api.get('/api/v1/services')).body.items;
}

function assertNoDoubles(services: readonly Any[]): void {
  const addresses = services.flatMap(({ spec }) => spec.clusterIPs ?? []).filter((address) => address !== 'None');
  const ports = services.flatMap(({ spec }) => (spec.ports ?? []).flatMap(({ nodePort }: Any) => nodePort ?? []));
  assert.equal(new Set(addresses).size, addresses.length, 'addresses');
  assert.equal(new Set(ports).size, ports.length, 'node ports');
}

test('two hundred writes at once, of all sorts, leave neither doubles nor leaks', async () => {
  const api = await startApi(SMALL);
  const random = seededRandom(11);
  const types = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];
  for (let round = 0; round < 10; round += 1) {
    const writes = Array.from({ length: 20 }, () => {
      const name = `s${nextInt(random, 14)}`;
      const type = types[nextInt(random, types.length)] ?? 'ClusterIP';
      const spec = {
        type,
        ports: portsOf(1 + nextInt(random, 2)),
        ...(type === 'ExternalName' ? { externalName: 'a.test' } : {}),
      };
      const dryRun = nextInt(random, 5) === 0 ? '?dryRun=All' : '';
      const choice = nextInt(random, 4);
      if (choice < 2) return api.post(`${SERVICES}${dryRun}`, { metadata: { name }, spec });
      if (choice === 2)
        return api.patch(`${SERVICES}/${name}${dryRun}`, 'merge', {
          spec: { type, externalName: spec.externalName ?? null },
        });
      return api.delete(`${SERVICES}/${name}`);
    });
    // Twenty at once may want more than there is; nothing else goes wrong.
    for (const { code, body } of await Promise.all(writes)) {
      if (code === 500) assert.match(body.message, /range .* is full/);
    }
    assertNoDoubles(await stored(api));
  }
  for (const { metadata } of await stored(api)) {
    if (metadata.name !== 'kubernetes') await api.delete(`${SERVICES}/${metadata.name}`);
  }
  await api.clock.settle();
  const all = Array.from({ length: FREE + 1 }, (_, index) => index);
  const codes = await Promise.all(
    all.map(
      async (index) =>
        (await api.post(SERVICES, { metadata: { name: `n${index}` }, spec: { ports: portsOf(1) } })).code,
    ),
  );
  assert.equal(codes.filter((code) => code === 201).length, FREE, 'every address is free again');
  await api.stop();
});

test('after a restart what is stored counts: nothing is given twice, what is gone is free', async () => {
  const api = await startApi(SMALL);
  const create = (name: string) =>
    api.post(SERVICES, { metadata: { name }, spec: { type: 'NodePort', ports: portsOf(1) } });
  const made = await Promise.all(Array.from({ length: FREE - 1 }, (_, index) => create(`s${index}`)));
  await api.delete(`${SERVICES}/s0`);
  await api.server.stop();
  const base = { store: api.store, kinds: ALL_KINDS, clock: api.clock, logger: silentLogger, version: VERSION };
  const next = createApiServer({ ...base, ...SMALL, random: seededRandom(3) });
  await next.start();
  const client = createClient((request) => next.handle(request, admin));
  const taken = made[1]?.body.spec.ports[0].nodePort;
  const metadata = { namespace: 'default', name: 'greedy' };
  const greedy = { type: 'NodePort' as const, ports: [{ port: 80, nodePort: taken }] };
  await assert.rejects(client.create(ServiceKind, { metadata, spec: greedy }), (error) =>
    isStatusError(error, 'Invalid'),
  );
  for (const name of ['a', 'b']) {
    await client.create(ServiceKind, { metadata: { namespace: 'default', name }, spec: { ports: portsOf(1) } });
  }
  const full = client.create(ServiceKind, {
    metadata: { namespace: 'default', name: 'c' },
    spec: { ports: portsOf(1) },
  });
  await assert.rejects(full);
  assertNoDoubles((await client.list(ServiceKind)).items);
  await next.stop();
  await api.store.close();
});
