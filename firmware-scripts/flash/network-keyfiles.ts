/** Settings of NetworkManager as keyfiles, for systems that are set up without cloud-init. */
import { isIPv4 } from 'node:net';
import type { BoardSettings, StaticAddress, WifiSettings } from './settings.ts';
import { computeWifiKey } from './wifi-key.ts';

/** Source: nm-settings-keyfile(5). The interface is left open: eth0, end0, enx… and usb0 are all one board's wire. */
export function renderWiredKeyfile({ address }: BoardSettings): string {
  return renderSections({
    connection: { id: 'bramble-wired', type: 'ethernet', 'autoconnect-priority': '10' },
    ...renderAddress(address),
  });
}

/** A static address is the wire's; with Wi-Fi alone it is the radio's. */
export function renderWifiKeyfile(wifi: WifiSettings): string {
  const security: Record<string, Record<string, string>> = wifi.password === undefined
    ? {}
    : { 'wifi-security': { 'key-mgmt': 'wpa-psk', psk: computeWifiKey(wifi.ssid, wifi.password) } };
  return renderSections({
    connection: { id: 'bramble-wifi', type: 'wifi' },
    // 2: power saving off; a board that sleeps through its keep-alive counts as lost.
    wifi: { mode: 'infrastructure', ssid: escapeKeyfile(wifi.ssid), powersave: '2' },
    ...security,
    ipv4: { method: 'auto' },
    ipv6: { method: 'auto' },
  });
}

function renderAddress(address: StaticAddress | undefined): Record<string, Record<string, string>> {
  if (address === undefined) return { ipv4: { method: 'auto' }, ipv6: { method: 'auto' } };
  const [ip = ''] = address.cidr.split('/');
  const [own, other] = isIPv4(ip) ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4'];
  return {
    [own]: { method: 'manual', address1: `${address.cidr},${address.gateway}`, dns: `${address.dns.join(';')};` },
    [other]: { method: 'auto' },
  };
}

function renderSections(sections: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return Object.entries(sections)
    .map(([name, entries]) => {
      const lines = Object.entries(entries).map(([key, value]) => `${key}=${value}\n`);
      return `[${name}]\n${lines.join('')}`;
    })
    .join('\n');
}

/** GLib's key files escape the backslash, and spaces at the start; `;` parts lists of bytes. */
function escapeKeyfile(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll(';', '\\;')
    .replace(/^ +/, (spaces) => '\\s'.repeat(spaces.length));
}
