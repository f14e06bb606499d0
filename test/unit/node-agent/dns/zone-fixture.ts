/** Services, slices and a zone of them, for tests; and the question of a client, as a packet and its answer. */
import { type DecodedPacket, decode, encode, type Packet, type RecordType } from 'dns-packet';
import { DnsCache } from '../../../../node-agent/dns/forward/cache.ts';
import { Resolver } from '../../../../node-agent/dns/resolver.ts';
import type { Query } from '../../../../node-agent/dns/wire/query.ts';
import { ClusterZone } from '../../../../node-agent/dns/zone/cluster-zone.ts';
import { clusterIpsOf } from '../../../../node-agent/dns/zone/service-records.ts';
import type { EndpointSlice } from '../../../../shared/api/endpoint-slice.ts';
import { SERVICE_NAME_LABEL } from '../../../../shared/api/endpoint-slice-labels.ts';
import type { Service } from '../../../../shared/api/service.ts';
import { parseRange } from '../../../../shared/machinery/ip-range.ts';
import { defined } from '../../../../shared/platform/assert.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';

export const DOMAIN = 'cluster.local';

const META = { uid: '', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };

export function service(key: string, spec: Partial<Service['spec']>): Service {
  const [namespace = '', name = ''] = key.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...META, namespace, name },
    spec: { type: 'ClusterIP', sessionAffinity: 'None', ...spec },
    status: { loadBalancer: {} },
  };
}

export function slice(
  key: string,
  endpoints: EndpointSlice['endpoints'],
  more: Partial<Pick<EndpointSlice, 'addressType' | 'ports'>> & { part?: string } = {},
): EndpointSlice {
  const [namespace = '', name = ''] = key.split('/');
  const { part = '1', ...rest } = more;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...META, namespace, name: `${name}-${part}`, labels: { [SERVICE_NAME_LABEL]: name } },
    addressType: 'IPv4',
    endpoints,
    ...rest,
  };
}

export interface World {
  services: readonly Service[];
  slices: readonly EndpointSlice[];
}

const keyOf = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;
const keyOfSlice = ({ metadata }: EndpointSlice): string =>
  `${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL]}`;

export function createZone(world: World): ClusterZone {
  return new ClusterZone({
    domain: DOMAIN,
    serverAddresses: () => ['10.42.3.1'],
    ownRanges: () =>
      ['10.42.0.0/16', '10.43.0.0/16', 'fd42::/56', 'fd43::/112'].map((text) => defined(parseRange(text), text)),
    source: {
      service: (key) => world.services.find((one) => keyOf(one) === key),
      slices: (key) => world.slices.filter((one) => keyOfSlice(one) === key),
      keysAt: (address) => [
        ...new Set([
          ...world.services.filter((one) => clusterIpsOf(one).includes(address)).map(keyOf),
          ...world.slices
            .filter(({ endpoints }) => endpoints.some(({ addresses }) => addresses[0] === address))
            .map(keyOfSlice),
        ]),
      ],
      hasNamespace: (namespace) => world.services.some(({ metadata }) => metadata.namespace === namespace),
    },
  });
}

export type Ask = (query: Query) => Promise<Buffer | undefined>;

export function createResolver(world: World, ask: Ask = async () => undefined): Resolver {
  const cache = new DnsCache({ ask, clock: systemClock });
  return new Resolver({ zone: createZone(world), cache, random: seededRandom(1), logger: silentLogger });
}

/** What a client hears. */
export async function askResolver(
  resolver: Resolver,
  name: string,
  type: string,
  more: Packet & { isStream?: boolean } = {},
): Promise<DecodedPacket & { rcode?: string }> {
  const { isStream = true, ...packet } = more;
  const question = { name, type: type as RecordType };
  const answer = await resolver.answer(encode({ id: 7, flags: 0x100, questions: [question], ...packet }), isStream);
  return decode(defined(answer, 'an answer'));
}
