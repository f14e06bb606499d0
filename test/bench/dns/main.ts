/**
 * The name server of an agent with a large cluster to tell of, as a program that a bench measures: 1,000 services with 5,000
 * endpoints. Prints its port and what the names cost in memory beside the objects; a line on stdin changes an endpoint.
 */
import { listenDns } from '../../../node-agent/dns/dns-listener.ts';
import { nodeDialer } from '../../../node-agent/dns/forward/node-dialer.ts';
import { NodeDns } from '../../../node-agent/dns/node-dns.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import { EndpointSliceRef, ServiceRef } from '../../../shared/api/kind-refs.ts';
import type { Service } from '../../../shared/api/service.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { systemRandom } from '../../../shared/platform/random.ts';
import { service, slice } from '../../unit/node-agent/dns/zone-fixture.ts';

const SERVICES = 1_000;
const ENDPOINTS = 5;

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };
const address = (index: number, base: number): string =>
  `10.${base + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;

/** Half of them headless, so that every sort of answer is asked for. */
function makeServices(): Service[] {
  return Array.from({ length: SERVICES }, (_, index) => {
    const ports = [{ name: 'http', protocol: 'TCP' as const, port: 80, targetPort: 8080 }];
    const ip = index % 2 === 0 ? address(index + 1, 43) : 'None';
    return service(`bench/s-${index}`, { clusterIP: ip, clusterIPs: [ip], ports });
  });
}

function makeSlices(): EndpointSlice[] {
  return Array.from({ length: SERVICES }, (_, index) => {
    const endpoints = Array.from({ length: ENDPOINTS }, (_, at) => ({
      addresses: [address(index * ENDPOINTS + at + 1, 42)],
      hostname: `p-${at}`,
      conditions: { ready: true },
    }));
    return slice(`bench/s-${index}`, endpoints, { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] });
  });
}

const heapBytes = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

/** The master does not answer: all comes from what was kept, as after a cold boot. */
const client = createClient(() => new Promise(() => undefined));
const [services, slices] = [makeServices(), makeSlices()];
const informers = {
  services: new Informer<Service>({ ...BASE, client, kind: ServiceRef, seed: () => services }),
  endpointSlices: new Informer<EndpointSlice>({ ...BASE, client, kind: EndpointSliceRef, seed: () => slices }),
};
const byService = new Map(slices.map((one, index) => [`bench/s-${index}`, [one]]));
const before = heapBytes();
let port = 0;
const dns = new NodeDns({
  ...{ ...BASE, ...informers, domain: 'cluster.local' },
  slicesOf: (key) => byService.get(key) ?? [],
  ownRanges: () => [],
  onChange: () => undefined,
  dialer: nodeDialer,
  files: { read: async () => ({ main: '', systemd: '' }), watch: () => ({ stop: () => undefined }) },
  async open(at, handler) {
    const listener = await listenDns({ address: at, port: 0, handler, logger: silentLogger });
    port = listener.port;
    return listener;
  },
});
await dns.start();
await informers.services.start();
await informers.endpointSlices.start();
dns.setAddresses(['127.0.0.1']);
const look = (): void => {
  if (port === 0) systemClock.after(20, look);
  else process.stdout.write(`ready ${port} ${heapBytes() - before}\n`);
};
look();
