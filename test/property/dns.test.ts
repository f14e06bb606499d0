/**
 * Laws of the cluster's zone: whatever Services and EndpointSlices there are, and however they change, each name answers as
 * the specification reads. The oracle goes from the name to the objects; the zone goes from the objects to the names.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressOfDashedName, addressOfReverseName, dashedName, reverseName } from '../../node-agent/dns/zone/names.ts';
import type { EndpointSlice } from '../../shared/api/endpoint-slice.ts';
import type { Service } from '../../shared/api/service.ts';
import { formatIp, parseIp } from '../../shared/machinery/ip-range.ts';
import { defined } from '../../shared/platform/assert.ts';
import { createZone, service, slice } from '../unit/node-agent/dns/zone-fixture.ts';

const RUNS = { seed: 20_261_122, numRuns: 150 };

const NAMESPACES = ['a', 'b'];
const NAMES = ['s', 't', 'svc'];
const HOSTS = ['h0', 'h1', undefined];
const PORTS = ['web', 'sql', undefined];
const KEYS = NAMESPACES.flatMap((namespace) => NAMES.map((name) => `${namespace}/${name}`));

const last = fc.integer({ min: 1, max: 6 });

const clusterIp = (octet: number, family: 4 | 6): string => (family === 4 ? `10.43.0.${octet}` : `fd43::${octet}`);
const podIp = (octet: number, family: 4 | 6): string => (family === 4 ? `10.42.0.${octet}` : `fd42::${octet}`);

const ports = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...PORTS),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    port: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 3, selector: ({ name }) => name ?? '' },
);

const families = fc.constantFrom<readonly (4 | 6)[]>([4], [6], [4, 6], [6, 4]);

const serviceSpec = fc.oneof(
  fc.record({ last, ports, families }).map(({ last: octet, ports: open, families: own }) => ({
    clusterIP: clusterIp(octet, own[0] ?? 4),
    clusterIPs: own.map((family) => clusterIp(octet, family)),
    ports: open.map((one) => ({ ...one, targetPort: one.port })),
  })),
  fc.constant({ clusterIP: 'None', clusterIPs: ['None'] }),
  fc.constant({ type: 'ExternalName' as const, externalName: 'elsewhere.example' }),
);

const endpoint = fc.record({
  octet: last,
  hostname: fc.constantFrom(...HOSTS),
  conditions: fc.constantFrom({ ready: true }, { ready: false }, {}),
});

const slicePart = fc.record({
  family: fc.constantFrom<4 | 6>(4, 6),
  endpoints: fc.array(endpoint, { maxLength: 4 }),
  ports: ports.map((open) => open.map((one) => ({ ...one, name: one.name ?? '' }))),
});

const change = fc.oneof(
  fc.record({ kind: fc.constant('service' as const), key: fc.constantFrom(...KEYS), spec: fc.option(serviceSpec) }),
  fc.record({
    kind: fc.constant('slice' as const),
    key: fc.constantFrom(...KEYS),
    part: fc.constantFrom('1', '2'),
    content: fc.option(slicePart),
  }),
);

const OCTETS = [1, 2, 3, 4, 5, 6];

/** Every name that one could ask for in a world of these words. */
const QUESTIONS: readonly (readonly [string, string])[] = KEYS.flatMap((key) => {
  const base = baseOf(key);
  const hosts = ['h0', 'h1', ...OCTETS.flatMap((octet) => [`10-42-0-${octet}`, `fd42--${octet}`])];
  return [
    ...['A', 'AAAA', 'CNAME'].map((type) => [base, type] as const),
    ...hosts.flatMap((host) => ['A', 'AAAA'].map((type) => [`${host}.${base}`, type] as const)),
    ...['web', 'sql'].flatMap((port) => ['tcp', 'udp'].map((proto) => [`_${port}._${proto}.${base}`, 'SRV'] as const)),
  ];
}).concat(
  OCTETS.flatMap((octet) => [
    [`${octet}.0.43.10.in-addr.arpa`, 'PTR'] as const,
    [`${octet}.0.42.10.in-addr.arpa`, 'PTR'] as const,
    [`${octet}.${'0.'.repeat(23)}0.0.0.0.3.4.d.f.ip6.arpa`, 'PTR'] as const,
    [`${octet}.${'0.'.repeat(23)}0.0.0.0.2.4.d.f.ip6.arpa`, 'PTR'] as const,
  ]),
);

/** Names that have no records of their own, but others below them. */
const BETWEEN = KEYS.flatMap((key) => ['_tcp', '_udp'].map((label) => `${label}.${baseOf(key)}`));

interface State {
  services: Map<string, Service>;
  slices: Map<string, EndpointSlice>;
}

/** The specification, read from the name's side. */
function expected(state: State, name: string, type: string): string[] {
  if (type === 'PTR') return expectedPointers(state, name);
  const [, left = '', key = ''] = toParts(name);
  const one = state.services.get(key);
  if (one === undefined) return [];
  const { spec } = one;
  if (spec.type === 'ExternalName') return left === '' ? ['elsewhere.example'] : [];
  const isHeadless = spec.clusterIP === 'None';
  const [, portName, protocol] = /^_(\w+)\._(\w+)$/.exec(left) ?? [];
  const isPort = (port: { name?: string; protocol: string }): boolean =>
    port.name === portName && port.protocol.toLowerCase() === protocol;
  if (!isHeadless) {
    if (type === 'SRV') return (spec.ports ?? []).filter(isPort).map(({ port }) => `${port} ${baseOf(key)}`);
    if (left !== '' || type === 'CNAME') return [];
    return (spec.clusterIPs ?? []).filter((address) => address.includes(':') === (type === 'AAAA'));
  }
  const ready = readyOf(state, key);
  if (type === 'SRV') {
    return ready.flatMap(({ host, open }) => open.filter(isPort).map(({ port }) => `${port} ${host}.${baseOf(key)}`));
  }
  if (type !== 'A' && type !== 'AAAA') return [];
  const own = ready.filter(({ address }) => address.includes(':') === (type === 'AAAA'));
  return own.filter(({ host }) => left === '' || host === left).map(({ address }) => address);
}

function expectedPointers(state: State, name: string): string[] {
  const labels = name.replace(/\.(in-addr|ip6)\.arpa$/, '').split('.');
  const address = name.endsWith('ip6.arpa')
    ? `${labels.slice(-4).reverse().join('')}::${labels[0]}`
    : labels.reverse().join('.');
  return [...state.services.entries()].flatMap(([key, { spec }]) => {
    if (spec.clusterIPs?.includes(address)) return [baseOf(key)];
    if (spec.clusterIP !== 'None') return [];
    return readyOf(state, key)
      .filter((one) => one.address === address)
      .map(({ host }) => `${host}.${baseOf(key)}`);
  });
}

function readyOf({ slices }: State, key: string) {
  return [...slices.entries()]
    .filter(([name]) => name.startsWith(`${key}#`))
    .flatMap(([, { endpoints, ports: open = [] }]) =>
      endpoints
        .filter(({ conditions }) => conditions?.ready !== false)
        .map(({ addresses: [address = ''], hostname }) => {
          return {
            address,
            host: hostname ?? address.replaceAll(/[.:]/g, '-'),
            open: open.map((port) => ({ ...port })),
          };
        }),
    );
}

/** Names that are there, be it with other types only or with names below them (RFC 8020). */
function namesThere(state: State): Set<string> {
  const own = QUESTIONS.filter(([name, type]) => expected(state, name, type).length > 0).map(([name]) => name);
  return new Set(own.flatMap((name) => name.split('.').map((_, index, labels) => labels.slice(index).join('.'))));
}

function baseOf(key: string): string {
  return `${key.split('/').reverse().join('.')}.svc.cluster.local`;
}

function toParts(name: string): RegExpExecArray | string[] {
  const labels = name.replace('.svc.cluster.local', '').split('.');
  return ['', labels.slice(0, -2).join('.'), `${labels.at(-1)}/${labels.at(-2)}`];
}

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

test('each name answers as the specification reads, after every change', () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 25 }), (changes) => {
      const state: State = { services: new Map(), slices: new Map() };
      const world = {
        get services() {
          return [...state.services.values()];
        },
        get slices() {
          return [...state.slices.values()];
        },
      };
      const zone = createZone(world);
      for (const [index, one] of changes.entries()) {
        apply(state, one);
        zone.forget(one.key);
        // All names at the end, some on the way: what was asked for must not stay as it was.
        const asked =
          index === changes.length - 1 ? QUESTIONS : QUESTIONS.filter((_, place) => place % 5 === index % 5);
        for (const [name, type] of asked) {
          const { answers = [] } = zone.lookup(name, type) ?? {};
          const told = answers.map(({ data, type: kind }) =>
            kind === 'SRV' ? `${data.port} ${data.target}` : String(data),
          );
          assert.deepEqual(sorted(told), sorted(expected(state, name, type)), `${name} ${type}`);
        }
        const there = namesThere(state);
        for (const name of [...BETWEEN, ...asked.filter((_, place) => place % 7 === 0).map(([known]) => known)]) {
          const found = zone.lookup(name, 'TXT');
          const isAlias = found?.answers.some(({ type }) => type === 'CNAME') ?? false;
          assert.equal(found?.rcode, there.has(name) ? 'NOERROR' : 'NXDOMAIN', name);
          assert.ok(isAlias || found?.authorities[0]?.type === 'SOA', `${name}: how long it is missing is told`);
        }
      }
    }),
    RUNS,
  );
});

const addresses = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => formatIp(defined(parseIp(text), text)));

test('every address has a name as a pod, and one that leads back to it', () => {
  const zone = createZone({ services: [], slices: [] });
  fc.assert(
    fc.property(addresses, (address) => {
      assert.equal(addressOfReverseName(defined(reverseName(address), address)), address);
      assert.equal(addressOfDashedName(dashedName(address)), address);
      const name = `${dashedName(address)}.a.pod.cluster.local`;
      const [type, other] = address.includes(':') ? ['AAAA', 'A'] : ['A', 'AAAA'];
      const told = zone.lookup(name, defined(type, 'a type'));
      assert.deepEqual(
        told?.answers.map((record) => ({ ...record, ttl: 0 })),
        [{ name, type, ttl: 0, data: address }],
      );
      const missing = zone.lookup(name, defined(other, 'a type'));
      assert.deepEqual([missing?.rcode, missing?.answers.length], ['NOERROR', 0]);
    }),
    RUNS,
  );
});

function apply(state: State, one: typeof change extends fc.Arbitrary<infer T> ? T : never): void {
  if (one.kind === 'service') {
    if (one.spec === null) state.services.delete(one.key);
    else state.services.set(one.key, service(one.key, one.spec as Partial<Service['spec']>));
  } else {
    const key = `${one.key}#${one.part}`;
    if (one.content === null) state.slices.delete(key);
    else {
      const { endpoints, ports: open, family } = one.content;
      const own = endpoints.map(({ octet, ...rest }) => ({ ...rest, addresses: [podIp(octet, family)] }));
      const addressType = family === 4 ? 'IPv4' : 'IPv6';
      state.slices.set(
        key,
        slice(one.key, own as EndpointSlice['endpoints'], { part: one.part, ports: open, addressType }),
      );
    }
  }
}
