/** What a board shall be: checked once, then trusted by everything that writes it onto a card. */
import { isIP, isIPv4 } from 'node:net';

export type Role = 'master' | 'agent';

export interface BoardSettings {
  role: Role;
  hostname: string;
  user: string;
  /** OpenSSH public keys, a line each; none: nobody can log in but at the board's own console, with no password. */
  sshKeys: readonly string[];
  wifi: WifiSettings | undefined;
  /** Undefined: DHCP. */
  address: StaticAddress | undefined;
  /** A name of the tz database. */
  timezone: string;
  /** Agents only: what they join with. */
  join: { token: string; master: string | undefined } | undefined;
}

export interface WifiSettings {
  ssid: string;
  /** Undefined: an open network. */
  password: string | undefined;
  /** ISO 3166-1 alpha-2: without it the radio stays off. */
  country: string;
}

export interface StaticAddress {
  /** Such as `192.168.1.50/24`. */
  cidr: string;
  gateway: string;
  dns: readonly string[];
}

/** Settings as flags and files give them; every value is text. */
export interface RawSettings {
  role?: string | undefined;
  hostname?: string | undefined;
  user?: string | undefined;
  sshKey?: string | readonly string[] | undefined;
  wifiSsid?: string | undefined;
  wifiPassword?: string | undefined;
  wifiCountry?: string | undefined;
  address?: string | undefined;
  gateway?: string | undefined;
  dns?: string | readonly string[] | undefined;
  timezone?: string | undefined;
  token?: string | undefined;
  master?: string | undefined;
}

/** A setting that is missing or wrong, by the flag it comes from, and what to write instead. */
export interface Complaint {
  flag: string;
  message: string;
}

const HOSTNAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const USER = /^[a-z_][-a-z0-9_]{0,30}$/;
const SSH_KEY =
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+={0,2}( [^\r\n]*)?$/;
const COUNTRY = /^[A-Z]{2}$/;
const TIMEZONE = /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+){0,2}$/;
/** `bramble:<hash of the CA>:<id>.<secret>`, as `bramble token create` prints it. */
const TOKEN = /^bramble:[0-9a-f]{64}:[a-z0-9]{6}\.[a-z0-9]{16}$/;
/** A name or an IPv4 address, and the port of MQTT where it is not 8883. */
const HOST = /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[1-9]\d{0,4})?$/;

/** Limits of WPA2: 802.11 gives the name 32 bytes and a passphrase 8 to 63 characters. */
const SSID_LIMIT_BYTES = 32;
const PASSPHRASE = /^[\x20-\x7e]{8,63}$/;
const RAW_KEY = /^[0-9a-fA-F]{64}$/;

/** Reserved on every Debian system: naming a board's user like that breaks its first boot. */
const SYSTEM_USERS: readonly string[] = ['root', 'daemon', 'bin', 'sys', 'sync', 'games', 'man', 'mail', 'nobody'];

export type CheckedSettings = { settings: BoardSettings } | { complaints: readonly Complaint[] };

/** All complaints at once, so that a person mends them in one go. */
export function checkSettings(raw: RawSettings): CheckedSettings {
  const complaints = findComplaints(raw);
  if (complaints.length > 0) return { complaints };
  const { role, hostname = '', user = 'bramble', timezone = 'Etc/UTC', token, master } = raw;
  return {
    settings: {
      role: role === 'master' ? 'master' : 'agent',
      hostname,
      user,
      sshKeys: list(raw.sshKey),
      wifi: readWifi(raw),
      address: readAddress(raw),
      timezone,
      join: role === 'master' || token === undefined ? undefined : { token, master },
    },
  };
}

function findComplaints(raw: RawSettings): Complaint[] {
  return [
    ...findBoardComplaints(raw),
    ...findWifiComplaints(raw),
    ...findAddressComplaints(raw),
    ...findJoinComplaints(raw),
  ];
}

function findBoardComplaints({
  role,
  hostname,
  user = 'bramble',
  sshKey,
  timezone = 'Etc/UTC',
}: RawSettings): Complaint[] {
  const complaints: Complaint[] = [];
  const add = (flag: string, message: string) => complaints.push({ flag, message });
  if (role !== 'master' && role !== 'agent') add('--role', "must be 'master' or 'agent'");
  if (hostname === undefined) add('--hostname', 'is missing: a name for the board, such as kitchen or node-01');
  else if (!HOSTNAME.test(hostname))
    add('--hostname', `'${hostname}' must be up to 63 lower-case letters, digits and '-'`);
  if (!USER.test(user)) add('--user', `'${user}' must be lower-case letters, digits, '-' and '_'`);
  else if (SYSTEM_USERS.includes(user)) add('--user', `'${user}' is a user of the system; choose another one`);
  for (const key of list(sshKey)) {
    if (!SSH_KEY.test(key))
      add('--ssh-key', `'${key.slice(0, 24)}…' is no public key; it starts with ssh-ed25519 or ssh-rsa`);
  }
  if (!TIMEZONE.test(timezone)) add('--timezone', `'${timezone}' is no time zone; write for instance Europe/Berlin`);
  return complaints;
}

function findWifiComplaints({ wifiSsid, wifiPassword, wifiCountry }: RawSettings): Complaint[] {
  const complaints: Complaint[] = [];
  const add = (flag: string, message: string) => complaints.push({ flag, message });
  if (wifiSsid === undefined) {
    if (wifiPassword !== undefined) add('--wifi-ssid', 'is missing: the name of the network of --wifi-password');
    return complaints;
  }
  const bytes = Buffer.byteLength(wifiSsid);
  if (bytes < 1 || bytes > SSID_LIMIT_BYTES) add('--wifi-ssid', `must have 1 to ${SSID_LIMIT_BYTES} bytes`);
  if (hasControlCharacters(wifiSsid)) add('--wifi-ssid', 'must not hold control characters');
  if (wifiCountry === undefined)
    add('--wifi-country', 'is missing: Wi-Fi stays off without it; two letters such as DE');
  else if (!COUNTRY.test(wifiCountry)) add('--wifi-country', `'${wifiCountry}' must be two capital letters such as DE`);
  if (wifiPassword !== undefined && !PASSPHRASE.test(wifiPassword) && !RAW_KEY.test(wifiPassword)) {
    add('--wifi-password', 'must have 8 to 63 characters without accents, or be a key of 64 hexadecimal digits');
  }
  return complaints;
}

function findAddressComplaints({ address, gateway, dns }: RawSettings): Complaint[] {
  const complaints: Complaint[] = [];
  const add = (flag: string, message: string) => complaints.push({ flag, message });
  if (address === undefined) {
    if (gateway !== undefined)
      add('--address', 'is missing: --gateway goes with a static address such as 192.168.1.50/24');
    return complaints;
  }
  const [ip = '', bits = ''] = address.split('/');
  const limit = isIPv4(ip) ? 32 : 128;
  if (isIP(ip) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) < 1 || Number(bits) > limit) {
    add('--address', `'${address}' must be an address with the length of its network, such as 192.168.1.50/24`);
  }
  if (gateway === undefined) add('--gateway', 'is missing: the address of the router, such as 192.168.1.1');
  else if (isIP(gateway) === 0 || isIP(gateway) !== isIP(ip)) {
    add('--gateway', `'${gateway}' must be an address of the same family as --address`);
  }
  for (const server of list(dns)) if (isIP(server) === 0) add('--dns', `'${server}' is no IP address`);
  return complaints;
}

function findJoinComplaints({ role, token, master }: RawSettings): Complaint[] {
  const complaints: Complaint[] = [];
  if (role === 'agent' && token === undefined) {
    complaints.push({ flag: '--token', message: 'is missing: bramble token create --ttl 7d prints one on the master' });
  }
  if (token !== undefined && !TOKEN.test(token)) {
    complaints.push({
      flag: '--token',
      message: 'is no join token: it must be the whole line that bramble token create prints',
    });
  }
  if (master !== undefined && isIP(master) === 0 && !HOST.test(master)) {
    complaints.push({ flag: '--master', message: `'${master}' must be an address or a name such as pi-master.local` });
  }
  return complaints;
}

function readWifi({ wifiSsid, wifiPassword, wifiCountry = '' }: RawSettings): WifiSettings | undefined {
  return wifiSsid === undefined ? undefined : { ssid: wifiSsid, password: wifiPassword, country: wifiCountry };
}

function readAddress({ address, gateway = '', dns }: RawSettings): StaticAddress | undefined {
  if (address === undefined) return undefined;
  const servers = list(dns);
  return { cidr: address, gateway, dns: servers.length > 0 ? servers : [gateway] };
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function hasControlCharacters(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}
