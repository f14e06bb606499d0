/** Pure: how a master tells the LAN of itself, and how agents know that it is theirs. */
import type { FoundService } from './find-service.ts';
import { HOST_TTL_SECONDS, OTHER_TTL_SECONDS, type OwnRecord } from './mdns-record.ts';

export const BRAMBLE_SERVICE = '_bramble._tcp.local';

/** Section 9 of RFC 6763: by which all services of a LAN can be listed. */
const ALL_SERVICES = '_services._dns-sd._udp.local';

export interface MasterOnLan {
  /** Host name of the machine. */
  hostname: string;
  /** How often the name was somebody else's. */
  attempt: number;
  mqttPort: number;
  apiPort: number;
  /** SHA-256 of the cluster's certificate, as join tokens have it. */
  caHash: string;
  addresses: readonly string[];
}

/** A label of DNS: at most 63 bytes. */
const MAX_LABEL_CHARS = 50;

export function renderMaster(master: MasterOnLan): OwnRecord[] {
  const suffix = master.attempt === 0 ? '' : `-${master.attempt + 1}`;
  const label = master.hostname
    .split('.')[0]
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, MAX_LABEL_CHARS);
  const name = `bramble-${label}${suffix}`;
  const [instance, host] = [`${name}.${BRAMBLE_SERVICE}`, `${name}.local`];
  const ttl = OTHER_TTL_SECONDS;
  const data = [`ca=${master.caHash}`, `api=${master.apiPort}`];
  return [
    { record: { name: ALL_SERVICES, type: 'PTR', ttl, data: BRAMBLE_SERVICE }, isUnique: false },
    { record: { name: BRAMBLE_SERVICE, type: 'PTR', ttl, data: instance }, isUnique: false },
    {
      record: { name: instance, type: 'SRV', ttl: HOST_TTL_SECONDS, data: { port: master.mqttPort, target: host } },
      isUnique: true,
    },
    { record: { name: instance, type: 'TXT', ttl, data }, isUnique: true },
    ...renderHost(host, master.addresses, true),
  ];
}

/** `isUnique`: nobody else has the name; otherwise others may serve it too. */
export function renderHost(name: string, addresses: readonly string[], isUnique: boolean): OwnRecord[] {
  return addresses.map((data) => {
    const type = data.includes(':') ? 'AAAA' : 'A';
    return { record: { name, type, ttl: HOST_TTL_SECONDS, data }, isUnique };
  });
}

/** `caHash` of the token or of the node's own certificate; undefined: any cluster will do. */
export function isMasterOf({ text }: FoundService, caHash: string | undefined): boolean {
  return caHash === undefined || text['ca']?.toLowerCase() === caHash.toLowerCase();
}
