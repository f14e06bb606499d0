/** The cluster's zone: the whole of it as a file, and every sort of name as a question. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeServiceRecords, serviceName } from '../../../../node-agent/dns/zone/service-records.ts';
import { SERVICE_NAME_LABEL } from '../../../../shared/api/endpoint-slice-labels.ts';
import { assertGolden } from '../../../support/golden.ts';
import { renderZone } from '../../../support/render-zone.ts';
import { DUAL_STACK, WORLD } from './world.ts';
import { askResolver, createResolver, createZone, DOMAIN, type World } from './zone-fixture.ts';

/** Everything that Services and EndpointSlices put into the zone, as a zone file. */
function renderWorld({ services, slices }: World): string {
  const lines = services.flatMap((one) => {
    const own = slices.filter(
      ({ metadata }) =>
        metadata.namespace === one.metadata.namespace && metadata.labels?.[SERVICE_NAME_LABEL] === one.metadata.name,
    );
    return [`; ${serviceName(one, DOMAIN)}`, ...renderZone(computeServiceRecords(one, own, DOMAIN))];
  });
  return `${lines.join('\n')}\n`;
}

describe('the cluster zone', () => {
  for (const [name, world] of Object.entries({ 'small-cluster': WORLD, 'dual-stack': DUAL_STACK })) {
    it(`${name} is the golden file`, () => assertGolden(`dns/${name}.zone`, renderWorld(world)));
  }

  /** name, type, answers as text; or the code when there are none. */
  const TABLE: readonly (readonly [string, string, string])[] = [
    ['kubernetes.default.svc.cluster.local', 'A', '10.43.0.1'],
    ['Kubernetes.Default.SVC.cluster.local', 'A', '10.43.0.1'],
    ['kubernetes.default.svc.cluster.local', 'AAAA', 'NOERROR'],
    ['web.shop.svc.cluster.local', 'AAAA', 'fd43::79'],
    ['web.shop.svc.cluster.local', 'TXT', 'NOERROR'],
    ['nobody.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['web.nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['shop.svc.cluster.local', 'A', 'NOERROR'],
    ['nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['svc.cluster.local', 'A', 'NOERROR'],
    ['cluster.local', 'NS', 'ns.dns.cluster.local'],
    ['ns.dns.cluster.local', 'A', '10.42.3.1'],
    ['dns-version.cluster.local', 'TXT', '1.1.0'],
    ['_http._tcp.web.shop.svc.cluster.local', 'SRV', '0 100 80 web.shop.svc.cluster.local'],
    ['_quic._udp.web.shop.svc.cluster.local', 'SRV', '0 100 443 web.shop.svc.cluster.local'],
    ['_http._udp.web.shop.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['_tcp.web.shop.svc.cluster.local', 'SRV', 'NOERROR'],
    ['db-0.db.shop.svc.cluster.local', 'A', '10.42.1.7'],
    ['db-0.db.shop.svc.cluster.local', 'AAAA', 'fd42::7'],
    ['db-9.db.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['10-42-2-8.db.shop.svc.cluster.local', 'A', '10.42.2.8'],
    ['empty.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['address.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['mirror.shop.svc.cluster.local', 'CNAME', 'archive.example.org'],
    ['alias.shop.svc.cluster.local', 'A', 'web.shop.svc.cluster.local, 10.43.7.9'],
    ['10-42-1-5.shop.pod.cluster.local', 'A', '10.42.1.5'],
    ['fd42--7.shop.pod.cluster.local', 'AAAA', 'fd42::7'],
    ['nonsense.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['9.7.43.10.in-addr.arpa', 'PTR', 'web.shop.svc.cluster.local'],
    ['7.1.42.10.in-addr.arpa', 'PTR', 'db-0.db.shop.svc.cluster.local'],
    ['5.1.42.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    [
      '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.4.d.f.ip6.arpa',
      'PTR',
      'db-0.db.shop.svc.cluster.local',
    ],
  ];

  for (const [name, type, expected] of TABLE) {
    it(`${name} ${type} is ${expected}`, async () => {
      const { answers = [], rcode, flag_aa, authorities = [] } = await askResolver(createResolver(WORLD), name, type);
      const told = renderZone(answers).map((line) =>
        line
          .split(/ IN \S+ /)[1]
          ?.replace(/^"|"$/g, '')
          .replace(/\.$/, ''),
      );
      assert.equal(told.join(', ') || rcode, expected);
      assert.ok(flag_aa);
      if (told.length === 0)
        assert.deepEqual(
          renderZone(authorities).map((line) => line.split(' ')[3]),
          ['SOA'],
        );
    });
  }

  it('lists the ready endpoints of a headless service, and leads each port to its pods', async () => {
    const resolver = createResolver(WORLD);
    const all = await askResolver(resolver, 'db.shop.svc.cluster.local', 'A');
    assert.deepEqual((all.answers ?? []).map((record) => ('data' in record ? record.data : '')).sort(), [
      '10.42.1.7',
      '10.42.2.7',
      '10.42.2.8',
    ]);
    const ports = await askResolver(resolver, '_sql._tcp.db.shop.svc.cluster.local', 'SRV');
    assert.equal(ports.answers?.length, 3);
    assert.equal(ports.additionals?.length, 4);
  });

  it('asks others about what is not of the cluster', () => {
    const zone = createZone(WORLD);
    for (const name of [
      'example.org',
      'local',
      'notcluster.local',
      '1.0.0.127.in-addr.arpa',
      '42.10.in-addr.arpa',
      '',
    ]) {
      assert.equal(zone.lookup(name, 'A'), undefined, name);
    }
  });

  it('forgets what a service was when it changes', () => {
    const services = [...WORLD.services];
    const zone = createZone({ services, slices: WORLD.slices });
    assert.equal(zone.lookup('plain.shop.svc.cluster.local', 'A')?.answers.length, 1);
    services.splice(2, 1);
    zone.forget('shop/plain');
    assert.equal(zone.lookup('plain.shop.svc.cluster.local', 'A')?.rcode, 'NXDOMAIN');
  });
});
