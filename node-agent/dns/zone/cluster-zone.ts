/**
 * The cluster's zone as answers. Nothing is built ahead: the records of a Service are computed when somebody asks for them,
 * kept while nothing of it changes, and forgotten with it; a change costs nothing until its name is asked for.
 * Sources: Kubernetes DNS-Based Service Discovery 1.1; RFC 2308 and RFC 8020 on names that are not there.
 */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import { type IpRange, parseIp, rangeContains } from '../../../shared/machinery/ip-range.ts';
import { addressOfDashedName, addressOfReverseName, addressType } from './names.ts';
import { computeServiceRecords } from './service-records.ts';
import { RECORD_TTL_SECONDS, type ZoneRecord } from './zone-record.ts';

/** The node's copy of the API. Keys are `namespace/name` of Services. */
export interface ZoneSource {
  service(key: string): Service | undefined;
  slices(key: string): readonly EndpointSlice[];
  /** Keys of the Services that have this cluster address, or an endpoint with it. */
  keysAt(address: string): readonly string[];
  hasNamespace(namespace: string): boolean;
}

export interface ClusterZoneOptions {
  /** `cluster.local` */
  domain: string;
  source: ZoneSource;
  /** Where this node's name server answers. */
  serverAddresses(): readonly string[];
  /** Addresses that belong to the cluster: nobody else knows what they are called. */
  ownRanges(): readonly IpRange[];
}

export interface ZoneAnswer {
  rcode: 'NOERROR' | 'NXDOMAIN';
  answers: readonly ZoneRecord[];
  authorities: readonly ZoneRecord[];
  additionals: readonly ZoneRecord[];
}

/** Version of the specification that is followed, which it wants to be asked for (section 2.2). */
const SCHEMA_VERSION = '1.1.0';

/** Services whose records are kept ready; a board's pods ask for a few, again and again. */
const MAX_READY_SERVICES = 128;

type Names = ReadonlyMap<string, readonly ZoneRecord[]>;

const NO_NAMES: Names = new Map();

export class ClusterZone {
  readonly #options: ClusterZoneOptions;
  readonly #domain: string;
  readonly #ready = new Map<string, Names>();
  #serial = 1;

  constructor(options: ClusterZoneOptions) {
    this.#options = options;
    this.#domain = options.domain.toLowerCase();
  }

  /** Another one after every change: answers of an earlier one may be wrong. */
  get version(): number {
    return this.#serial;
  }

  /** Something of this Service, or of its endpoints, has changed. */
  forget(key: string): void {
    this.#serial += 1;
    this.#ready.delete(key);
  }

  /** undefined: not ours to answer. `name` in lower case, without its final dot; `type` as `A` or `SRV`. */
  lookup(name: string, type: string): ZoneAnswer | undefined {
    if (name !== this.#domain && !name.endsWith(`.${this.#domain}`)) return this.#lookupReverse(name, type);
    const records = this.#find(name);
    if (records === undefined) return this.#negative('NXDOMAIN');
    const answers = records.filter((record) => type === 'ANY' || record.type === type || record.type === 'CNAME');
    if (answers.length === 0) return this.#negative('NOERROR');
    return { rcode: 'NOERROR', answers, authorities: [], additionals: this.#additionals(answers) };
  }

  /** Records of a name of the zone; none: it is there, with nothing of its own; undefined: it is not there. */
  #find(name: string): readonly ZoneRecord[] | undefined {
    const labels = name.slice(0, -this.#domain.length - 1).split('.');
    switch (labels.at(-1)) {
      case '':
        return this.#apex();
      case 'svc':
        return this.#findService(name, labels.slice(0, -1));
      case 'pod':
        return findPod(name, labels.slice(0, -1));
      case 'dns':
        return labels.length === 1 ? [] : labels.length === 2 && labels[0] === 'ns' ? this.#server(name) : undefined;
      case 'dns-version':
        return labels.length === 1 ? [{ name, type: 'TXT', ttl: RECORD_TTL_SECONDS, data: SCHEMA_VERSION }] : undefined;
      default:
        return undefined;
    }
  }

  #findService(name: string, labels: readonly string[]): readonly ZoneRecord[] | undefined {
    const [service, namespace] = labels.slice(-2);
    if (service === undefined) return [];
    if (namespace === undefined) return this.#options.source.hasNamespace(service) ? [] : undefined;
    const names = this.#namesOf(`${namespace}/${service}`);
    const records = names.get(name);
    if (records !== undefined) return records;
    // `_tcp.web.default.svc…` has no records, but names below it have.
    return [...names.keys()].some((known) => known.endsWith(`.${name}`)) ? [] : undefined;
  }

  /** The most recently asked for stay. */
  #namesOf(key: string): Names {
    const ready = this.#ready.get(key);
    if (ready !== undefined) {
      this.#ready.delete(key);
      this.#ready.set(key, ready);
      return ready;
    }
    const { source } = this.#options;
    const service = source.service(key);
    if (service === undefined) return NO_NAMES;
    const names = Map.groupBy(computeServiceRecords(service, source.slices(key), this.#domain), ({ name }) => name);
    this.#ready.set(key, names);
    for (const oldest of this.#ready.keys()) {
      if (this.#ready.size <= MAX_READY_SERVICES) break;
      this.#ready.delete(oldest);
    }
    return names;
  }

  #lookupReverse(name: string, type: string): ZoneAnswer | undefined {
    const address = addressOfReverseName(name);
    if (address === undefined) return undefined;
    const records = this.#options.source.keysAt(address).flatMap((key) => this.#namesOf(key).get(name) ?? []);
    if (records.length === 0) return this.#isOwn(address) ? this.#negative('NXDOMAIN') : undefined;
    const answers = records.filter((record) => type === 'ANY' || record.type === type);
    if (answers.length === 0) return this.#negative('NOERROR');
    return { rcode: 'NOERROR', answers, authorities: [], additionals: [] };
  }

  #isOwn(address: string): boolean {
    const ip = parseIp(address);
    return ip !== undefined && this.#options.ownRanges().some((range) => rangeContains(range, ip));
  }

  /** Where ports lead to: saves the client its next question. */
  #additionals(answers: readonly ZoneRecord[]): ZoneRecord[] {
    const targets = new Set(answers.flatMap((record) => (record.type === 'SRV' ? [record.data.target] : [])));
    return [...targets].flatMap((target) =>
      (this.#find(target) ?? []).filter(({ type }) => type === 'A' || type === 'AAAA'),
    );
  }

  #apex(): ZoneRecord[] {
    return [this.#soa(), { name: this.#domain, type: 'NS', ttl: RECORD_TTL_SECONDS, data: `ns.dns.${this.#domain}` }];
  }

  #server(name: string): ZoneRecord[] {
    return this.#options.serverAddresses().flatMap((address) => renderAddress(name, address));
  }

  #negative(rcode: ZoneAnswer['rcode']): ZoneAnswer {
    return { rcode, answers: [], authorities: [this.#soa()], additionals: [] };
  }

  #soa(): ZoneRecord {
    const data = {
      mname: `ns.dns.${this.#domain}`,
      rname: `hostmaster.${this.#domain}`,
      serial: this.#serial,
      ...{ refresh: 7_200, retry: 1_800, expire: 86_400 },
      // How long a name counts as missing (RFC 2308).
      minimum: RECORD_TTL_SECONDS,
    };
    return { name: this.#domain, type: 'SOA', ttl: RECORD_TTL_SECONDS, data };
  }
}

/** Any address has a name, as the specification wants it (section 2.6): whether there is such a pod is not looked at. */
function findPod(name: string, labels: readonly string[]): readonly ZoneRecord[] | undefined {
  if (labels.length < 2) return [];
  const address = labels.length === 2 ? addressOfDashedName(labels[0] ?? '') : undefined;
  return address === undefined ? undefined : renderAddress(name, address);
}

function renderAddress(name: string, address: string): ZoneRecord[] {
  const type = addressType(address);
  return type === undefined ? [] : [{ name, type, ttl: RECORD_TTL_SECONDS, data: address }];
}
