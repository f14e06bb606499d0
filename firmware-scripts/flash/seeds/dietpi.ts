/** The seed for DietPi: lines of dietpi.txt and dietpi-wifi.txt, and the script that DietPi runs when there is a network. */
import { isIPv4 } from 'node:net';
import { type BootFile, readScript, type SeedContext } from '../boot-file.ts';
import { editCmdline } from '../cmdline.ts';
import type { BoardSettings } from '../settings.ts';
import { computeWifiKey } from '../wifi-key.ts';

export function renderDietpi(settings: BoardSettings, context: SeedContext): BootFile[] {
  const { wifi } = settings;
  const { present } = context;
  const files: BootFile[] = [
    { path: 'dietpi.txt', content: editDietpiText(present['dietpi.txt'] ?? '', renderLines(settings)) },
    { path: 'Automation_Custom_Script.sh', content: readScript(context, 'dietpi-custom.sh') },
  ];
  if (wifi !== undefined) {
    const { ssid, password } = wifi;
    const lines = {
      'aWIFI_SSID[0]': quote(ssid),
      'aWIFI_KEY[0]': quote(password === undefined ? '' : computeWifiKey(ssid, password)),
      'aWIFI_KEYMGR[0]': quote(password === undefined ? 'NONE' : 'WPA-PSK'),
    };
    files.push({
      path: 'dietpi-wifi.txt',
      content: editDietpiText(present['dietpi-wifi.txt'] ?? '', lines),
      secret: true,
    });
  }
  const cmdline = present['cmdline.txt'];
  if (cmdline !== undefined)
    files.push({ path: 'cmdline.txt', content: editCmdline(cmdline, { cgroup_enable: 'memory' }) });
  return files;
}

function renderLines({ hostname, timezone, wifi, address, sshKeys }: BoardSettings): Record<string, string> {
  return {
    AUTO_SETUP_AUTOMATED: '1',
    AUTO_SETUP_NET_HOSTNAME: hostname,
    AUTO_SETUP_TIMEZONE: timezone,
    AUTO_SETUP_NET_ETHERNET_ENABLED: wifi === undefined ? '1' : '0',
    AUTO_SETUP_NET_WIFI_ENABLED: wifi === undefined ? '0' : '1',
    ...(wifi && { AUTO_SETUP_NET_WIFI_COUNTRY_CODE: wifi.country }),
    ...(address && isIPv4(address.gateway) ? renderStatic(address) : { AUTO_SETUP_NET_USESTATIC: '0' }),
    ...(sshKeys[0] !== undefined && {
      AUTO_SETUP_SSH_PUBKEY: sshKeys[0],
      SOFTWARE_DISABLE_SSH_PASSWORD_LOGINS: 'root',
    }),
    // Nobody is asked anything; Docker is the first boot's, as on every other system.
    AUTO_SETUP_LOGGING_INDEX: '-1',
    SURVEY_OPTED_IN: '0',
  };
}

function renderStatic({ cidr, gateway, dns }: { cidr: string; gateway: string; dns: readonly string[] }) {
  const [ip = '', bits = '24'] = cidr.split('/');
  return {
    AUTO_SETUP_NET_USESTATIC: '1',
    AUTO_SETUP_NET_STATIC_IP: ip,
    AUTO_SETUP_NET_STATIC_MASK: renderMask(Number(bits)),
    AUTO_SETUP_NET_STATIC_GATEWAY: gateway,
    AUTO_SETUP_NET_STATIC_DNS: dns.join(' '),
  };
}

/** 24 → 255.255.255.0. */
function renderMask(bits: number): string {
  return [0, 8, 16, 24].map((skip) => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - skip)))).join('.');
}

/** Sets `KEY=value` lines where they stand; what is not there, or only as a comment, is appended. */
function editDietpiText(text: string, values: Readonly<Record<string, string>>): string {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1) === '') lines.pop();
  for (const [key, value] of Object.entries(values)) {
    const index = lines.findIndex((line) => line.startsWith(`${key}=`));
    if (index === -1) lines.push(`${key}=${value}`);
    else lines[index] = `${key}=${value}`;
  }
  return `${lines.join('\n')}\n`;
}

/** The Wi-Fi file is read by a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
