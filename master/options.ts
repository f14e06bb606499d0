/** The master's command line: flags in, a checked value out. Bad input gives OptionsError with a sentence that says what to do. */
import { parseArgs } from 'node:util';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS, splitList } from '../shared/api/cluster-network.ts';
import { parseAddressPool } from '../shared/machinery/address-pool.ts';
import { addressBits, parseRange } from '../shared/machinery/ip-range.ts';
import type { LogLevel } from '../shared/platform/logger.ts';

export interface MasterOptions {
  dataDir: string;
  /** Address to listen on; `0.0.0.0` for the whole LAN. */
  listen: string;
  apiPort: number;
  mqttPort: number;
  statusPort: number;
  /** Who may look at the status page: everybody who reaches it, who signs in, or nobody. */
  statusAccess: 'open' | 'sign-in' | 'off';
  /** Host names or addresses that the server certificate shall also hold. */
  serverNames: string[];
  /** Where pods and services get their addresses from: one range an address family. */
  clusterCidrs: string[];
  serviceCidrs: string[];
  /** Addresses of the LAN for load balancers; empty: they are served at the nodes' own. */
  balancerPool: string[];
  /** Settings of placement and protection; undefined: the defaults. */
  schedulerConfig: string | undefined;
  /** Registries are asked what images are built for, before pods are placed. */
  imageLookup: boolean;
  /** Registries that are asked without TLS. */
  insecureRegistries: string[];
  /** Whether the LAN is told by multicast DNS where the master is. */
  mdns: boolean;
  /** MQTT over WebSockets (TLS); undefined: off. */
  mqttWebsocketPort: number | undefined;
  /** MQTT without TLS, for people's devices; undefined: off. */
  mqttPlainPort: number | undefined;
  /** First level of Home Assistant's discovery topics; undefined: nothing is told there. */
  homeAssistantPrefix: string | undefined;
  /** Copies of the store: how often (0: only on demand), how many are kept, and where; undefined: in the data directory. */
  snapshots: { intervalMs: number; keep: number; dir: string | undefined };
  /** Where alerts are posted to; undefined: nowhere. */
  alertWebhook: string | undefined;
  /** How long pods stay bound to a lost node. */
  tolerationSeconds: number;
  logLevel: LogLevel;
  logFormat: 'text' | 'json';
}

export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

export const USAGE = `Usage: bramble master [flags]

  --data-dir DIR       where state, certificates and admin.kubeconfig live
                       (default: /var/lib/bramble, or BRAMBLE_DATA_DIR)
  --listen ADDR        address to listen on (default: 0.0.0.0, the whole LAN)
  --api-port N         Kubernetes API over HTTPS (default: 6443)
  --mqtt-port N        MQTT over TLS, for agents and the command line (default: 8883)
  --mqtt-ws-port N     MQTT over WebSockets and TLS, for browsers (default: off)
  --mqtt-plain-port N  MQTT without TLS, for devices that have none; only users of
                       "bramble mqtt user add" come in there (default: off, usual: 1883)
  --home-assistant PREFIX|off
                       topics of Home Assistant's discovery (default: homeassistant)
  --status-port N      status page over HTTP (default: 8080)
  --status-access open|sign-in|off
                       who may look at the status page: everybody on the LAN, who
                       signs in with a token, or nobody (default: open)
  --server-name NAME   a further name or address for the certificate; may be repeated
  --cluster-cidr RANGE,…
                       addresses of pods, one range an address family
                       (default: 10.42.0.0/16)
  --service-cidr RANGE,…
                       addresses of services, one range an address family; the first
                       is that of services that do not say (default: 10.43.0.0/16)
  --load-balancer-pool RANGE,…
                       addresses of the LAN that are given to Services of type
                       LoadBalancer, such as 192.168.1.240-192.168.1.250; outside of
                       what DHCP gives (default: none, the boards' own addresses)
  --scheduler-config FILE
                       settings of placement and heat protection (docs/scheduler.md);
                       read again when the file changes
  --snapshot-interval DURATION|off
                       how often the store is copied, such as 6h or 1d (default: 24h)
  --snapshot-keep N    how many copies are kept (default: 7)
  --snapshot-dir DIR   where they lie; another disk is the better place
                       (default: snapshots in the data directory)
  --alert-webhook URL  address that alerts are posted to, as JSON (default: none)
  --toleration-seconds N
                       how long pods stay bound to a lost board (default: 30)
  --image-lookup on|off
                       ask registries which platforms images are built for, before
                       pods are placed (default: on)
  --insecure-registry HOST
                       a registry, with its port, that is asked without TLS; may be
                       repeated
  --mdns on|off        tell the LAN where the master is, so that agents find it (default: on)
  --log-level LEVEL    debug, info, warn or error (default: info)
  --log-format FORMAT  text or json (default: text)
`;

const FLAGS = {
  'data-dir': { type: 'string' },
  listen: { type: 'string', default: '0.0.0.0' },
  'api-port': { type: 'string', default: '6443' },
  'mqtt-port': { type: 'string', default: '8883' },
  'mqtt-ws-port': { type: 'string' },
  'mqtt-plain-port': { type: 'string' },
  'home-assistant': { type: 'string', default: 'homeassistant' },
  'status-port': { type: 'string', default: '8080' },
  'status-access': { type: 'string', default: 'open' },
  'server-name': { type: 'string', multiple: true },
  'cluster-cidr': { type: 'string', default: DEFAULT_CLUSTER_CIDRS.join(',') },
  'service-cidr': { type: 'string', default: DEFAULT_SERVICE_CIDRS.join(',') },
  'load-balancer-pool': { type: 'string', default: '' },
  'scheduler-config': { type: 'string' },
  'snapshot-interval': { type: 'string', default: '24h' },
  'snapshot-keep': { type: 'string', default: '7' },
  'snapshot-dir': { type: 'string' },
  'alert-webhook': { type: 'string' },
  'toleration-seconds': { type: 'string', default: '30' },
  'image-lookup': { type: 'string', default: 'on' },
  'insecure-registry': { type: 'string', multiple: true },
  mdns: { type: 'string', default: 'on' },
  'log-level': { type: 'string', default: 'info' },
  'log-format': { type: 'string', default: 'text' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const FORMATS = ['text', 'json'] as const;
const ACCESS = ['open', 'sign-in', 'off'] as const;
const SWITCH = ['on', 'off'] as const;

/** `help` when the usage was asked for. */
export function parseMasterOptions(
  args: readonly string[],
  env: { BRAMBLE_DATA_DIR?: string },
): MasterOptions | 'help' {
  const values = readFlags(args);
  if (values.help) return 'help';
  return {
    dataDir: values['data-dir'] ?? env.BRAMBLE_DATA_DIR ?? '/var/lib/bramble',
    listen: values.listen,
    apiPort: parsePort('--api-port', values['api-port']),
    mqttPort: parsePort('--mqtt-port', values['mqtt-port']),
    mqttWebsocketPort: parseOptionalPort('--mqtt-ws-port', values['mqtt-ws-port']),
    mqttPlainPort: parseOptionalPort('--mqtt-plain-port', values['mqtt-plain-port']),
    homeAssistantPrefix: parsePrefix('--home-assistant', values['home-assistant']),
    statusPort: parsePort('--status-port', values['status-port']),
    statusAccess: oneOf('--status-access', ACCESS, values['status-access']),
    serverNames: values['server-name'] ?? [],
    clusterCidrs: parseRanges('--cluster-cidr', values['cluster-cidr']),
    serviceCidrs: parseServiceRanges('--service-cidr', values['service-cidr']),
    balancerPool: parsePool('--load-balancer-pool', values['load-balancer-pool']),
    schedulerConfig: values['scheduler-config'],
    imageLookup: oneOf('--image-lookup', SWITCH, values['image-lookup']) === 'on',
    insecureRegistries: values['insecure-registry'] ?? [],
    mdns: oneOf('--mdns', SWITCH, values.mdns) === 'on',
    snapshots: {
      intervalMs: parseInterval('--snapshot-interval', values['snapshot-interval']),
      keep: parseSnapshotCount(values['snapshot-keep']),
      dir: values['snapshot-dir'],
    },
    alertWebhook: parseWebhook(values['alert-webhook']),
    tolerationSeconds: parseSeconds('--toleration-seconds', values['toleration-seconds']),
    logLevel: oneOf('--log-level', LEVELS, values['log-level']),
    logFormat: oneOf('--log-format', FORMATS, values['log-format']),
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new OptionsError(
      `${error instanceof Error ? error.message : String(error)}; bramble master --help lists the flags`,
    );
  }
}

function parseRanges(flag: string, text: string): string[] {
  const ranges = splitList(text);
  const wrong = ranges.length === 0 ? text : ranges.find((range) => parseRange(range) === undefined);
  if (wrong !== undefined) throw new OptionsError(`${flag} takes ranges such as 10.42.0.0/16, not '${wrong}'`);
  const families = ranges.map((range) => parseRange(range)?.family);
  if (new Set(families).size === families.length) return ranges;
  throw new OptionsError(`${flag} takes one range an address family, not '${text}'`);
}

/** The master keeps one bit for each address. */
const MAX_SERVICE_BITS = 24;

function parseServiceRanges(flag: string, text: string): string[] {
  const ranges = parseRanges(flag, text);
  const wrong = ranges.find((each) => {
    const range = parseRange(each);
    const bits = range === undefined ? 0 : addressBits(range.family) - range.prefix;
    return bits < 2 || bits > MAX_SERVICE_BITS;
  });
  if (wrong === undefined) return ranges;
  throw new OptionsError(`${flag} takes ranges from /8 to /30, or /104 to /126 of IPv6, not '${wrong}'`);
}

function parsePool(flag: string, text: string): string[] {
  const parts = splitList(text);
  if (parseAddressPool(parts) !== undefined) return parts;
  throw new OptionsError(`${flag} takes IPv4 ranges such as 192.168.1.240-192.168.1.250, not '${text}'`);
}

function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new OptionsError(`${flag} takes a port number from 0 to 65535, not '${text}'`);
}

function parseOptionalPort(flag: string, text: string | undefined): number | undefined {
  return text === undefined || text === 'off' ? undefined : parsePort(flag, text);
}

/** One or more levels of a topic; `off`: undefined. */
function parsePrefix(flag: string, text: string): string | undefined {
  if (text === 'off') return undefined;
  if (/^[\w-]+(\/[\w-]+)*$/.test(text) && !text.startsWith('bramble')) return text;
  throw new OptionsError(`${flag} takes the beginning of a topic, such as homeassistant, or off, not '${text}'`);
}

function parseSeconds(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new OptionsError(`${flag} takes a number of seconds, not '${text}'`);
}

function oneOf<const T extends string>(flag: string, allowed: readonly T[], text: string): T {
  const value = allowed.find((candidate) => candidate === text);
  if (value !== undefined) return value;
  throw new OptionsError(`${flag} takes one of ${allowed.join(', ')}, not '${text}'`);
}

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Shorter ones would wear a card out. */
const MIN_INTERVAL_MS = 10 * 60_000;

function parseInterval(flag: string, text: string): number {
  if (text === 'off') return 0;
  const [, count, unit = ''] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  const intervalMs = Number(count ?? 0) * (UNITS_MS[unit] ?? 0);
  if (intervalMs >= MIN_INTERVAL_MS) return intervalMs;
  throw new OptionsError(`${flag} takes a duration of 10m or more, such as 6h or 1d, or off, not '${text}'`);
}

const MAX_SNAPSHOTS = 1_000;

function parseSnapshotCount(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_SNAPSHOTS) return count;
  throw new OptionsError(`--snapshot-keep takes a number from 1 to ${MAX_SNAPSHOTS}, not '${text}'`);
}

function parseWebhook(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return text;
  throw new OptionsError(
    `--alert-webhook takes an address such as http://192.168.1.5:8123/api/webhook/bramble, not '${text}'`,
  );
}
