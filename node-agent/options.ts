/** The agent's command line: flags in, a checked value out. Bad input gives OptionsError with a sentence that says what to do. */
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { QuantityError, quantityToBytes } from '../shared/machinery/quantity.ts';
import type { LogLevel } from '../shared/platform/logger.ts';
import {
  type EvictionSettings,
  EvictionSettingsError,
  parseEvictionHard,
  parseMinimumReclaim,
} from './kubelet/eviction/thresholds.ts';
import { DEFAULT_SHUTDOWN_SETTINGS, type ShutdownSettings } from './kubelet/shutdown/shutdown-phases.ts';
import { NETWORK_TAG } from './network/names.ts';

export interface AgentFlags {
  dataDir: string;
  /** Join token; undefined when the node has joined before. */
  join: string | undefined;
  /** File that holds it: command lines are read by everybody on the board. */
  joinFile: string | undefined;
  master: { host: string; port: number };
  /** Otherwise it is looked for on the LAN, and is this machine when it is not found. */
  isMasterNamed: boolean;
  /** Whether the LAN is asked for the master and told names by multicast DNS. */
  mdns: boolean;
  name: string;
  dockerSocket: string;
  /** Address of the board on the LAN; undefined: the one that leads to the master. */
  nodeIp: string | undefined;
  /** Whether pods have addresses of the node's own slice; otherwise they are on the engine's network, without services. */
  network: boolean;
  /** Tells the networks of several clusters on one machine apart; empty for one. */
  networkTag: string;
  /** Who forwards services; auto: the kernel where it can. */
  proxy: 'auto' | 'userspace';
  /** Ends nothing but what an agent left on the machine: containers, networks, rules, routes. */
  uninstall: boolean;
  /** Where other nodes copy images from this one; 0: they do not. */
  peerPort: number;
  /** Bytes a second for that; 0: as fast as it goes. */
  peerLimitBytesPerSecond: number;
  /** Before each path of /proc, /sys and /dev; for tests. */
  sensorsRoot: string;
  /** File with names for devices; undefined: there is none. */
  devicesConfig: string | undefined;
  eviction: EvictionSettings;
  /** What pods get when the board is switched off. */
  shutdown: ShutdownSettings;
  /** Who answers cluster names; no servers: pods get the node's own resolver. */
  clusterDns: { servers: readonly string[]; domain: string };
  /** Where Ingresses are served; 0: nowhere. */
  ingressPorts: { http: number; https: number };
  /** Whether who has the right may reboot the board and turn it off through the API. */
  powerControl: boolean;
  logLevel: LogLevel;
  logFormat: 'text' | 'json';
}

export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

export const USAGE = `Usage: bramble agent [flags]

  --master HOST        where the master is (default: looked for on the LAN; else 127.0.0.1)
  --mqtt-port N        the master's port of MQTT over TLS (default: 8883)
  --join TOKEN         join token, for the first start; "bramble token create" on the master makes one
  --join-file FILE     file with the join token, in place of --join
  --name NAME          name of the node (default: this machine's host name)
  --data-dir DIR       where the node's identity and the volumes of its pods live
                       (default: /var/lib/bramble, or BRAMBLE_DATA_DIR)
  --docker SOCKET      socket of the Docker engine (default: /run/docker.sock)
  --node-ip ADDR       address of this board on the LAN (default: the one that leads to the master)
  --network on|off     on: pods have addresses that every node reaches, and services work;
                       off: they are on the engine's own network (default: on)
  --network-tag TAG    up to four letters and digits that tell the networks of several
                       clusters on one machine apart (default: none)
  --proxy auto|userspace
                       who forwards services: the kernel where it has nftables, or
                       always the agent itself (default: auto)
  --uninstall          removes what an agent of this name left on the machine: pods, their
                       network, rules and routes; the data directory stays
  --cluster-dns ADDR,… addresses at which pods ask for cluster names (default: the agent itself)
  --cluster-domain NAME
                       domain of the cluster's names (default: cluster.local)
  --ingress-http-port N
                       port at which Ingresses are served once there are any (default: 80; 0: not)
  --ingress-https-port N
                       the same by TLS (default: 443; 0: not)
  --mdns on|off        ask the LAN for the master, and tell it names below bramble.local
                       (default: on)
  --devices-config FILE
                       names for devices, a line each: "zigbee: /dev/serial/by-id/usb-…"
  --eviction-hard SIGNAL<AMOUNT,…>
                       when the node is under pressure, in place of what fits its memory and card:
                       memory.available<100Mi,nodefs.available<10%,imagefs.available<1Gi,pid.available<500
  --eviction-minimum-reclaim SIGNAL=AMOUNT,…
                       how much more must be free before the pressure is over
  --shutdown-grace-seconds N
                       what pods get when the board is switched off (default: 30; 0: the
                       engine stops them as it likes)
  --shutdown-critical-seconds N
                       how much of it is left for critical pods (default: 10)
  --peer-port N        port at which other nodes copy images from this one (default: 7443; 0: they do not)
  --peer-limit AMOUNT  how fast all of them together may copy, in bytes a second: 5Mi
                       (default: as fast as it goes)
  --power-control on|off
                       let "bramble node reboot" and "shutdown" act on this machine
                       (default: off; on where the firmware scripts set the board up)
  --sensors-root DIR   read /proc, /sys and /dev below this folder instead, for tests
  --log-level LEVEL    debug, info, warn or error (default: info)
  --log-format FORMAT  text or json (default: text)
`;

const FLAGS = {
  master: { type: 'string' },
  mdns: { type: 'string', default: 'on' },
  'mqtt-port': { type: 'string', default: '8883' },
  join: { type: 'string' },
  'join-file': { type: 'string' },
  name: { type: 'string' },
  'data-dir': { type: 'string' },
  docker: { type: 'string', default: '/run/docker.sock' },
  'node-ip': { type: 'string' },
  network: { type: 'string', default: 'on' },
  'network-tag': { type: 'string', default: '' },
  proxy: { type: 'string', default: 'auto' },
  uninstall: { type: 'boolean', default: false },
  'cluster-dns': { type: 'string', default: '' },
  'cluster-domain': { type: 'string', default: 'cluster.local' },
  'ingress-http-port': { type: 'string', default: '80' },
  'ingress-https-port': { type: 'string', default: '443' },
  'devices-config': { type: 'string' },
  'eviction-hard': { type: 'string', default: '' },
  'eviction-minimum-reclaim': { type: 'string', default: '' },
  'shutdown-grace-seconds': { type: 'string' },
  'shutdown-critical-seconds': { type: 'string' },
  'peer-port': { type: 'string', default: '7443' },
  'peer-limit': { type: 'string', default: '' },
  'power-control': { type: 'string', default: 'off' },
  'sensors-root': { type: 'string', default: '' },
  'log-level': { type: 'string', default: 'info' },
  'log-format': { type: 'string', default: 'text' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const PROXIES = ['auto', 'userspace'] as const;
const SWITCH = ['on', 'off'] as const;
const FORMATS = ['text', 'json'] as const;

/** Nobody waits longer for a board to go off; systemd's own time for the agent must be longer. */
const MAX_SHUTDOWN_SECONDS = 3_600;

/** Kubernetes' rule for node names: DNS-1123 subdomains; 63 characters, so that it also is a label's value. */
const NODE_NAME = /^[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?$/;

export interface AgentEnvironment {
  env: { BRAMBLE_DATA_DIR?: string };
  hostname: string;
}

/** `help` when the usage was asked for. */
export function parseAgentFlags(args: readonly string[], { env, hostname }: AgentEnvironment): AgentFlags | 'help' {
  const values = readFlags(args);
  if (values.help) return 'help';
  return {
    dataDir: values['data-dir'] ?? env.BRAMBLE_DATA_DIR ?? '/var/lib/bramble',
    join: values.join,
    joinFile: values['join-file'],
    master: { host: values.master ?? '127.0.0.1', port: parsePort('--mqtt-port', values['mqtt-port']) },
    isMasterNamed: values.master !== undefined,
    mdns: oneOf('--mdns', SWITCH, values.mdns) === 'on',
    name: parseName(values.name, hostname),
    dockerSocket: values.docker.replace(/^unix:\/\//, ''),
    nodeIp: values['node-ip'],
    peerPort: parsePortOrNone('--peer-port', values['peer-port']),
    ingressPorts: {
      http: parsePortOrNone('--ingress-http-port', values['ingress-http-port']),
      https: parsePortOrNone('--ingress-https-port', values['ingress-https-port']),
    },
    peerLimitBytesPerSecond: parseLimit('--peer-limit', values['peer-limit']),
    network: oneOf('--network', SWITCH, values.network) === 'on',
    networkTag: parseTag(values['network-tag']),
    proxy: oneOf('--proxy', PROXIES, values.proxy),
    uninstall: values.uninstall,
    sensorsRoot: values['sensors-root'],
    clusterDns: { servers: parseAddresses('--cluster-dns', values['cluster-dns']), domain: values['cluster-domain'] },
    devicesConfig: values['devices-config'],
    eviction: parseEviction(values['eviction-hard'], values['eviction-minimum-reclaim']),
    powerControl: oneOf('--power-control', SWITCH, values['power-control']) === 'on',
    shutdown: parseShutdown(values['shutdown-grace-seconds'], values['shutdown-critical-seconds']),
    logLevel: oneOf('--log-level', LEVELS, values['log-level']),
    logFormat: oneOf('--log-format', FORMATS, values['log-format']),
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionsError(`${why}; bramble agent --help lists the flags`);
  }
}

function parseEviction(hard: string, reclaim: string): EvictionSettings {
  try {
    return { hard: parseEvictionHard(hard), minimumReclaim: parseMinimumReclaim(reclaim) };
  } catch (error) {
    if (error instanceof EvictionSettingsError) throw new OptionsError(`--eviction-…: ${error.message}`);
    throw error;
  }
}

function parseShutdown(grace: string | undefined, critical: string | undefined): ShutdownSettings {
  const defaults = DEFAULT_SHUTDOWN_SETTINGS;
  const gracePeriodSeconds = parseSeconds('--shutdown-grace-seconds', grace, defaults.gracePeriodSeconds);
  const fallback = Math.min(defaults.criticalPodsSeconds, gracePeriodSeconds);
  const criticalPodsSeconds = parseSeconds('--shutdown-critical-seconds', critical, fallback);
  if (criticalPodsSeconds <= gracePeriodSeconds) return { gracePeriodSeconds, criticalPodsSeconds };
  throw new OptionsError('--shutdown-critical-seconds is a part of --shutdown-grace-seconds, and cannot be more');
}

function parseSeconds(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= MAX_SHUTDOWN_SECONDS) return seconds;
  throw new OptionsError(`${flag} takes seconds from 0 to ${MAX_SHUTDOWN_SECONDS}, not '${text}'`);
}

/** A host name may hold what a node's name may not; a name that was asked for is never changed. */
function parseName(asked: string | undefined, hostname: string): string {
  const name = asked ?? hostname.toLowerCase().replaceAll(/[^-.a-z0-9]+/g, '-');
  if (NODE_NAME.test(name)) return name;
  const what = asked === undefined ? `this machine's host name gives '${name}', which` : `--name '${name}'`;
  throw new OptionsError(`${what} is no node name: use up to 63 lower-case letters, digits, '-' and '.', with --name`);
}

function parseTag(text: string): string {
  if (NETWORK_TAG.test(text)) return text;
  throw new OptionsError(`--network-tag takes up to four lower-case letters and digits, not '${text}'`);
}

function parseAddresses(flag: string, text: string): string[] {
  const addresses = text.split(',').filter((address) => address !== '');
  const wrong = addresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new OptionsError(`${flag} takes IP addresses separated by commas, not '${wrong}'`);
  return addresses;
}

function parseLimit(flag: string, text: string): number {
  if (text === '') return 0;
  try {
    return quantityToBytes(text);
  } catch (error) {
    if (error instanceof QuantityError)
      throw new OptionsError(`${flag} takes bytes a second, such as 5Mi, not '${text}'`);
    throw error;
  }
}

/** 0: nothing is to be opened. */
function parsePortOrNone(flag: string, text: string): number {
  return text === '0' ? 0 : parsePort(flag, text);
}

function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port > 0 && port <= 65_535) return port;
  throw new OptionsError(`${flag} takes a port number from 1 to 65535, not '${text}'`);
}

function oneOf<const T extends string>(flag: string, allowed: readonly T[], text: string): T {
  const value = allowed.find((candidate) => candidate === text);
  if (value !== undefined) return value;
  throw new OptionsError(`${flag} takes one of ${allowed.join(', ')}, not '${text}'`);
}
