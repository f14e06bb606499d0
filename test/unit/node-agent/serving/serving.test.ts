/**
 * What a node serves, put together on the real API server, in virtual time: names, Ingresses with real sockets, names for the
 * LAN; with the master gone, and by an agent that remembers.
 */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { decode, encode } from 'dns-packet';
import type { DnsListener, PacketHandler } from '../../../../node-agent/dns/dns-listener.ts';
import { openDoor } from '../../../../node-agent/ingress/doors.ts';
import { IngressProxy } from '../../../../node-agent/ingress/proxy.ts';
import { Assignment } from '../../../../node-agent/kubelet/assignment/assignment.ts';
import { createSealer } from '../../../../node-agent/kubelet/assignment/sealer.ts';
import { computeLanNames } from '../../../../node-agent/lan-names.ts';
import { caHashOf, MasterFinder } from '../../../../node-agent/master-finder.ts';
import { NodeServing } from '../../../../node-agent/node-serving.ts';
import { createKeptInformer, ServiceInformers } from '../../../../node-agent/service-informers.ts';
import { IngressKind } from '../../../../shared/api/ingress.ts';
import { NodeRef } from '../../../../shared/api/kind-refs.ts';
import { ServiceKind } from '../../../../shared/api/service.ts';
import { createClient } from '../../../../shared/client/create-client.ts';
import { StatusError } from '../../../../shared/machinery/errors.ts';
import { startAll, stopAll } from '../../../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import type { FoundService } from '../../../../shared/protocol/mdns/find-service.ts';
import { MemoryAssignmentDisk } from '../../../support/memory-assignment-disk.ts';
import { createVirtualClock, type VirtualClock } from '../../../support/virtual-clock.ts';
import { type LiveCluster, startLiveCluster } from '../../controllers/live-cluster.ts';
import { service } from '../dns/zone-fixture.ts';

const GATEWAY = '10.42.7.1';

interface Serving {
  serving: NodeServing;
  /** Codes and addresses. */
  resolve(name: string): Promise<string>;
  ports: number[];
  told: string[];
  stop(): Promise<void>;
}

async function startServing(
  clock: VirtualClock,
  client: LiveCluster['client'],
  disk: MemoryAssignmentDisk,
  taken = new Set<number>(),
): Promise<Serving> {
  const base = { clock, random: seededRandom(5), logger: silentLogger };
  const sealer = createSealer(new Uint8Array(32), base.random);
  const kept = new Assignment({ ...base, disk, sealer, onDamage: () => undefined });
  const world = { ...base, client, kept };
  const [services, nodes] = [new ServiceInformers(world), createKeptInformer(NodeRef, world)];
  const handlers = new Map<string, PacketHandler>();
  const ports: number[] = [];
  const told: string[] = [];
  const serving = new NodeServing({
    ...{ node: 'pi-1', services, nodes, world, internalIp: () => '192.0.2.1', onChange: () => undefined },
    clusterDns: { servers: [], domain: 'cluster.local' },
    tools: {
      dns: {
        async open(address, handler): Promise<DnsListener> {
          handlers.set(address, handler);
          return { address, port: 53, lacksStream: false, close: async () => void handlers.delete(address) };
        },
        dialer: {
          askByDatagram: () => Promise.reject(new Error('no')),
          askByStream: () => Promise.reject(new Error('no')),
        },
        files: { read: async () => ({ main: '', systemd: '' }), watch: () => ({ stop: () => undefined }) },
      },
      ingress: {
        ports: { address: '127.0.0.1', http: 80, https: 0 },
        load: async () => ({
          IngressProxy,
          async openDoor(options) {
            if (taken.has(options.port)) throw new Error('taken');
            const door = await openDoor({ ...options, port: 0 });
            ports.push(door.port);
            return door;
          },
        }),
      },
      multicast: {
        open: async () => undefined,
        send: (packet) => told.push(...(decode(packet).answers ?? []).map(({ name }) => name)),
        reply: () => undefined,
        close: async () => undefined,
      },
    },
  });
  const parts = [kept, serving, nodes, services];
  await startAll(parts);
  serving.setAddresses({ gateways: [GATEWAY], held: [] });
  return {
    serving,
    ports,
    told,
    async resolve(name) {
      const packet = encode({ id: 1, questions: [{ name, type: 'A' }] });
      const answer = await handlers.get(GATEWAY)?.(packet, false);
      if (answer === undefined) return '';
      const { answers = [], ...rest } = decode(answer);
      const addresses = answers.flatMap((record) => (record.type === 'A' ? [record.data] : []));
      return addresses.join(' ') || ('rcode' in rest ? String(rest.rcode) : '');
    },
    stop: () => stopAll(parts),
  };
}

function fetchCode(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, headers: { host } }, (response) => {
      void text(response).then(() => resolve(response.statusCode));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('what a node serves', () => {
  let cluster: LiveCluster;
  let disk: MemoryAssignmentDisk;
  let one: Serving;

  before(async () => {
    cluster = await startLiveCluster();
    disk = new MemoryAssignmentDisk(cluster.clock);
    one = await startServing(cluster.clock, cluster.client, disk);
  });
  after(async () => {
    await one.stop();
    await cluster.stop();
  });

  const create = async (): Promise<void> => {
    await cluster.client.create(ServiceKind, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.43.0.77',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8080 }],
      },
    });
    await cluster.client.create(IngressKind, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        rules: [
          {
            host: 'whoami.bramble.local',
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
            },
          },
        ],
      },
    });
  };

  it('tells pods whom to ask, and nothing is opened before there is an Ingress', async () => {
    assert.deepEqual(one.serving.clusterDns.servers, [GATEWAY]);
    await cluster.until(
      'the API has a name',
      async () => (await one.resolve('kubernetes.default.svc.cluster.local')) === '10.43.0.1',
    );
    assert.deepEqual([one.ports, one.told], [[], []]);
    assert.equal(await one.resolve('web.default.svc.cluster.local'), 'NXDOMAIN');
  });

  it('has new names, doors and names for the LAN as objects come', async () => {
    await create();
    await cluster.until(
      'the service has a name',
      async () => (await one.resolve('web.default.svc.cluster.local')) === '10.43.0.77',
    );
    await cluster.until('the door is open', async () => one.ports.length === 1);
    assert.equal(await fetchCode(one.ports[0] ?? 0, 'whoami.bramble.local'), 503);
    assert.equal(await fetchCode(one.ports[0] ?? 0, 'other.example'), 404);
    await cluster.until('the LAN is told', async () => one.told.includes('whoami.bramble.local'));
    assert.equal(one.serving.facts().annotations['bramble.dev/ingress-ports'], String(one.ports[0]));
  });

  it('remembers all of it where there is no master', async () => {
    await cluster.clock.advance(2_000);
    const clock = createVirtualClock();
    const alone = await startServing(
      clock,
      createClient(() => Promise.reject(new StatusError('ServiceUnavailable', 'no master'))),
      disk,
    );
    await clock.advance(5_000);
    assert.equal(await alone.resolve('web.default.svc.cluster.local'), '10.43.0.77');
    assert.equal(alone.ports.length, 1);
    assert.ok(alone.told.includes('whoami.bramble.local'));
    assert.equal(await alone.resolve('example.org'), 'SERVFAIL');
    await alone.stop();
  });

  it('says when a port is taken, and takes it when it is free', async () => {
    const taken = new Set([80]);
    const other = await startServing(cluster.clock, cluster.client, new MemoryAssignmentDisk(cluster.clock), taken);
    const problem = () =>
      other.serving.facts().conditions.find(({ type }) => type === 'bramble.dev/IngressUnavailable');
    await cluster.until('the problem is told', async () => problem()?.status === 'True');
    assert.equal(other.serving.facts().annotations['bramble.dev/ingress-ports'], '');
    taken.clear();
    await cluster.until('it is served', async () => other.ports.length === 1 && problem()?.status === 'False');
    await other.stop();
  });

  it('closes its door with the last Ingress', async () => {
    await cluster.client.delete(IngressKind, { name: 'web', namespace: 'default' });
    const annotation = () => one.serving.facts().annotations['bramble.dev/ingress-ports'];
    await cluster.until('it is closed', async () => annotation() === '');
    await assert.rejects(fetchCode(one.ports[0] ?? 0, 'whoami.bramble.local'));
  });
});

describe('names for the LAN', () => {
  it('are those of hosts below bramble.local and of balanced services of this node', () => {
    const balanced = (key: string, ips?: string[]) => ({
      ...service(key, { type: 'LoadBalancer' }),
      status: { loadBalancer: ips ? { ingress: ips.map((ip) => ({ ip })) } : {} },
    });
    const services = [
      balanced('default/a', ['192.0.2.1']),
      balanced('shop/b', ['192.0.2.1', '192.0.2.2']),
      balanced('shop/c', ['192.0.2.2']),
      balanced('shop/d'),
      service('default/e', {}),
    ];
    assert.deepEqual(computeLanNames(['x.bramble.local', 'y.example'], services, '192.0.2.1'), [
      ...[
        'x.bramble.local',
        'a.default.bramble.local',
        'a.bramble.local',
        'b.shop.bramble.local',
        'd.shop.bramble.local',
      ],
    ]);
  });
});

describe('the finder of masters', () => {
  const TOKEN = `bramble:${'ab'.repeat(32)}:abcdef.0123456789abcdef`;
  const found = (host: string, ca: string): FoundService => ({ instance: 'x', host, port: 8883, text: { ca } });

  function createFinder(lan: FoundService[], remembered?: string) {
    const clock = createVirtualClock();
    const memory = {
      text: remembered,
      searches: 0,
      read: async () => memory.text,
      async write(text: string) {
        memory.text = text;
      },
    };
    const master = { host: '127.0.0.1', port: 8883 };
    const finder = new MasterFinder({
      ...{ master, memory, clock, logger: silentLogger },
      async search({ accept }) {
        memory.searches += 1;
        return lan.find(accept);
      },
    });
    return { clock, memory, master, finder, lan };
  }

  it('takes the master of its own cluster, and remembers it', async () => {
    const { finder, master, memory } = createFinder([found('192.0.2.66', 'ee'), found('192.0.2.9', 'ab'.repeat(32))]);
    await finder.find(caHashOf({ token: TOKEN }));
    assert.deepEqual([master.host, memory.text], ['192.0.2.9', '192.0.2.9 8883\n']);
  });

  it('stays with what it knew when nobody answers, and with this machine when it knew nothing', async () => {
    for (const [remembered, host] of [
      ['192.0.2.9 8883\n', '192.0.2.9'],
      [undefined, '127.0.0.1'],
    ] as const) {
      const { finder, master } = createFinder([], remembered);
      await finder.find(caHashOf({ token: 'nonsense' }));
      assert.equal(master.host, host);
    }
  });

  it('looks again while the link is down, and says when the master has moved', async () => {
    const { finder, master, clock, lan, memory } = createFinder([], '192.0.2.9 8883\n');
    await finder.find(undefined);
    await finder.start();
    let moved = 0;
    finder.setLink(false, () => {
      moved += 1;
    });
    await clock.advance(60_000);
    assert.equal(moved, 0);
    lan.push(found('192.0.2.10', 'ab'));
    await clock.advance(60_000);
    assert.deepEqual([moved, master.host], [1, '192.0.2.10']);
    finder.setLink(true, () => undefined);
    const { searches } = memory;
    await clock.advance(600_000);
    assert.equal(memory.searches, searches);
    await finder.stop();
  });
});
