/**
 * The seed for cloud-init (Raspberry Pi OS since late 2025, Ubuntu): user-data, network-config and meta-data. It sets up
 * the board as a person can log into it, and starts the one first-boot unit; all else is that unit's.
 */
import { isIPv4 } from 'node:net';
import { stringify } from 'yaml';
import { BOARD_FILES, type BootFile, type SeedContext } from '../boot-file.ts';
import { type CmdlineEdits, editCmdline } from '../cmdline.ts';
import type { BoardSettings, StaticAddress, WifiSettings } from '../settings.ts';
import { computeWifiKey } from '../wifi-key.ts';

export function renderCloudInit(settings: BoardSettings, context: SeedContext): BootFile[] {
  return [
    { path: 'user-data', content: `#cloud-config\n${toYaml(renderUserData(settings))}` },
    { path: 'network-config', content: toYaml(renderNetwork(settings)), ...(settings.wifi && { secret: true }) },
    { path: 'meta-data', content: toYaml({ dsmode: 'local', 'instance-id': context.instanceId }) },
    {
      path: 'cmdline.txt',
      content: editCmdline(context.present['cmdline.txt'] ?? '', renderCmdlineEdits(settings, context)),
    },
  ];
}

/** Without the instance in the command line cloud-init drops its cache at each boot and reads everything again. */
function renderCmdlineEdits({ wifi }: BoardSettings, { instanceId, present }: SeedContext): CmdlineEdits {
  const piOs = 'issue.txt' in present;
  return {
    cgroup_enable: 'memory',
    ...(wifi && { 'cfg80211.ieee80211_regdom': wifi.country }),
    ...(piOs && { ds: `nocloud;i=${instanceId}` }),
  };
}

/** `user`, not `users`: the image's default user is renamed and keeps its groups (gpio, i2c, video …). */
function renderUserData(settings: BoardSettings): object {
  const { hostname, timezone, user, sshKeys } = settings;
  return {
    hostname,
    manage_etc_hosts: true,
    // Or cloud-init takes a name that a DHCP server gives.
    preserve_hostname: false,
    timezone,
    manage_resolv_conf: false,
    user: {
      name: user,
      shell: '/bin/bash',
      lock_passwd: true,
      // Who has the key administers the board: there is no password that sudo could ask for.
      sudo: 'ALL=(ALL) NOPASSWD:ALL',
      ...(sshKeys.length > 0 && { ssh_authorized_keys: [...sshKeys] }),
    },
    ssh_pwauth: false,
    // The clock is wrong until there is a network.
    apt: { conf: 'Acquire { Check-Date "false"; };' },
    runcmd: [
      ...(sshKeys.length > 0 ? [['systemctl', 'enable', '--now', 'ssh']] : []),
      ['install', '-m', '644', `/boot/firmware/${BOARD_FILES.unit}`, '/etc/systemd/system/'],
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', 'bramble-firstboot.service'],
      // Not waited for: cloud-init must come to its end first.
      ['systemctl', 'start', '--no-block', 'bramble-firstboot.service'],
    ],
  };
}

/** Netplan, version 2. It takes the place of the default, so the wire is always in it, whatever its name is. */
function renderNetwork({ address, wifi }: BoardSettings): object {
  const wired = { match: { name: '[eu]*[0-9]' }, optional: wifi !== undefined, ...renderAddress(address) };
  return {
    network: {
      version: 2,
      ethernets: { wired },
      ...(wifi && { wifis: { wlan0: renderWifi(wifi) } }),
    },
  };
}

function renderAddress(address: StaticAddress | undefined): object {
  if (address === undefined) return { dhcp4: true };
  const { cidr, gateway, dns } = address;
  return {
    dhcp4: !isIPv4(gateway),
    addresses: [cidr],
    routes: [{ to: 'default', via: gateway }],
    nameservers: { addresses: [...dns] },
  };
}

function renderWifi({ ssid, password, country }: WifiSettings): object {
  const access =
    password === undefined ? { auth: { 'key-management': 'none' } } : { password: computeWifiKey(ssid, password) };
  return { dhcp4: true, optional: true, 'regulatory-domain': country, 'access-points': { [ssid]: access } };
}

/** Quoted where in doubt: `NO` is a country and not false, `yes` is a network's name. Lines are never folded. */
function toYaml(value: object): string {
  return stringify(value, {
    lineWidth: 0,
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    blockQuote: false,
  });
}
