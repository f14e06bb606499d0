/** Services of one and of two address families, as Kubernetes documents them under "IPv4/IPv6 dual-stack". */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Any, type ApiFixture, startApi } from './api-fixture.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const DUAL = { serviceCidrs: ['10.50.0.0/24', 'fd50::/120'] };
const PORTS = [{ port: 80 }];
const SELECTOR = { app: 'web' };

/** `4:policy:families` of what came of it: only whether an address is there and of which family. */
function shape({ spec }: Any): string {
  const families = (spec.clusterIPs ?? []).map((ip: string) => (ip === 'None' ? 'None' : ip.includes(':') ? '6' : '4'));
  assert.equal(spec.clusterIP ?? '', spec.clusterIPs?.[0] ?? '');
  return [families.join('+'), spec.ipFamilyPolicy, (spec.ipFamilies ?? []).join('+')].join(' ');
}

describe('on a cluster of two families', () => {
  let api: ApiFixture;
  before(async () => {
    api = await startApi(DUAL);
  });
  after(() => api.stop());

  const create = async (name: string, spec: Any): Promise<Any> =>
    (await api.post(SERVICES, { metadata: { name }, spec: { ports: PORTS, selector: SELECTOR, ...spec } })).body;
  const change = (name: string, spec: Any) => api.patch(`${SERVICES}/${name}`, 'merge', { spec });

  const table: [name: string, spec: Any, shape: string][] = [
    ['nothing said', {}, '4 SingleStack IPv4'],
    ['the other family', { ipFamilies: ['IPv6'] }, '6 SingleStack IPv6'],
    ['two if possible', { ipFamilyPolicy: 'PreferDualStack' }, '4+6 PreferDualStack IPv4+IPv6'],
    ['two', { ipFamilyPolicy: 'RequireDualStack' }, '4+6 RequireDualStack IPv4+IPv6'],
    ['in another order', { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6'] }, '6+4 PreferDualStack IPv6+IPv4'],
    ['an address says its family', { clusterIP: 'fd50::77' }, '6 SingleStack IPv6'],
    [
      'two addresses',
      { clusterIPs: ['fd50::78', '10.50.0.78'], ipFamilyPolicy: 'RequireDualStack' },
      '6+4 RequireDualStack IPv6+IPv4',
    ],
    ['headless', { clusterIP: 'None' }, 'None SingleStack IPv4'],
    ['headless of two', { clusterIP: 'None', ipFamilyPolicy: 'PreferDualStack' }, 'None PreferDualStack IPv4+IPv6'],
    ['headless without selector', { clusterIP: 'None', selector: {} }, 'None RequireDualStack IPv4+IPv6'],
    ['only a name', { type: 'ExternalName', externalName: 'a.test' }, '  '],
  ];
  for (const [index, [name, spec, wanted]] of table.entries()) {
    test(name, async () => assert.equal(shape(await create(`t${index}`, spec)), wanted));
  }

  const refused: [spec: Any, message: RegExp][] = [
    [{ ipFamilies: ['IPv4', 'IPv6'] }, /spec\.ipFamilyPolicy.*when multiple 'ipFamilies' are specified/],
    [{ ipFamilies: ['IPv6', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' }, /spec\.ipFamilies\[1\]: Duplicate value/],
    [{ ipFamilies: ['IPX'] }, /Unsupported value: "IPX": supported values: "IPv4", "IPv6"/],
    [{ clusterIP: '10.50.0.9', ipFamilies: ['IPv6'] }, /expected an IPv6 value as indicated by `ipFamilies\[0\]`/],
    [{ clusterIPs: ['10.50.0.9', '10.50.0.8'], ipFamilyPolicy: 'PreferDualStack' }, /no more than one IP for each/],
    [{ clusterIP: 'fd51::1' }, /provided IP is not in the valid range\. The range of valid IPs is fd50::\/120/],
  ];
  for (const [index, [spec, message]] of refused.entries()) {
    test(`refused: ${JSON.stringify(spec)}`, async () => {
      const body = await create(`r${index}`, spec);
      assert.equal(body.code, 422);
      assert.match(body.message, message);
    });
  }

  test('a second family comes and goes; the first stays, and so does each address', async () => {
    const [first] = (await create('moves', {})).spec.clusterIPs;
    const dual = (await change('moves', { ipFamilyPolicy: 'PreferDualStack' })).body;
    assert.equal(shape(dual), '4+6 PreferDualStack IPv4+IPv6');
    const [again, second] = dual.spec.clusterIPs;
    assert.equal(again, first);
    // As a client that knows nothing of addresses writes it.
    const put = await api.put(`${SERVICES}/moves`, {
      metadata: { name: 'moves' },
      spec: { ports: PORTS, selector: SELECTOR, sessionAffinity: 'ClientIP' },
    });
    assert.deepEqual(put.body.spec.clusterIPs, [first, second]);
    for (const spec of [{ ipFamilies: ['IPv6', 'IPv4'] }, { clusterIPs: [first, 'fd50::5'] }]) {
      assert.match((await change('moves', spec)).body.message, /may not change once set/);
    }
    const single = (await change('moves', { ipFamilyPolicy: 'SingleStack' })).body;
    assert.deepEqual([shape(single), single.spec.clusterIPs], ['4 SingleStack IPv4', [first]]);
    await api.clock.settle();
    // The second address is free again.
    assert.equal((await create('heir', { clusterIP: second })).spec.clusterIP, second);
  });

  test('whatever is changed in whatever order: a family has one address, nobody has another’s, none leaks', async () => {
    const names = ['p0', 'p1', 'p2'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
      type: fc.constantFrom('ClusterIP', 'ExternalName', 'NodePort'),
      do: fc.constantFrom('create', 'patch', 'patch', 'delete'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
        for (const { name, do: action, ipFamilyPolicy, type } of steps) {
          const spec = { type, ipFamilyPolicy, ...(type === 'ExternalName' ? { externalName: 'a.test' } : {}) };
          if (action === 'create') await create(name, spec);
          else if (action === 'patch') await change(name, spec);
          else await api.delete(`${SERVICES}/${name}`);
        }
        const { items } = (await api.get('/api/v1/services')).body;
        for (const { spec } of items) {
          const wanted = spec.type === 'ExternalName' ? 0 : spec.ipFamilyPolicy === 'SingleStack' ? 1 : 2;
          if (spec.clusterIP !== 'None') assert.equal((spec.clusterIPs ?? []).length, wanted);
          assert.equal((spec.ipFamilies ?? []).length, wanted);
        }
        const all = items.flatMap(({ spec }: Any) => spec.clusterIPs ?? []).filter((ip: string) => ip !== 'None');
        assert.equal(new Set(all).size, all.length);
      }),
      { seed: 4, numRuns: 25 },
    );
    for (const { metadata } of (await api.get('/api/v1/services')).body.items) {
      if (metadata.name !== 'kubernetes') await api.delete(`${SERVICES}/${metadata.name}`);
    }
    await api.clock.settle();
    // 256 addresses less network, last, the API's and the one of cluster DNS.
    const codes = await Promise.all(
      Array.from({ length: 253 }, (_, index) => create(`n${index}`, { ipFamilyPolicy: 'RequireDualStack' })),
    );
    assert.equal(codes.filter(({ code }) => code === undefined).length, 252);
  });
});

test('on a cluster of one family: two are refused where they are required', async () => {
  const api = await startApi({});
  const create = async (spec: Any): Promise<Any> =>
    (await api.post(SERVICES, { metadata: { generateName: 's' }, spec: { ports: PORTS, selector: SELECTOR, ...spec } }))
      .body;
  const { message } = await create({ ipFamilyPolicy: 'RequireDualStack' });
  assert.match(message, /RequireDualStack": this cluster is not configured for dual-stack services/);
  assert.match((await create({ ipFamilies: ['IPv6'] })).message, /"IPv6": not configured on this cluster/);
  assert.match((await create({ clusterIP: 'fd50::1' })).message, /IPv6 is not configured on this cluster/);
  assert.equal(shape(await create({ ipFamilyPolicy: 'PreferDualStack' })), '4 PreferDualStack IPv4');
  await api.stop();
});
