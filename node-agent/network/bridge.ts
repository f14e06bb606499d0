/**
 * Makes a bridge of Docker fit for pods. Packets between pods of one bridge must pass the rules too, or services and policies
 * would not hold between neighbours: the bridge itself is told so, whatever the machine's own setting is. And a pod must be
 * able to reach itself by way of a service: its port may send a packet back to where it came from.
 */
import type { Shell } from '../../shared/platform/shell.ts';
import type { KernelSettings } from './kernel-settings.ts';

/** There once the module that leads bridged packets through the rules is in the kernel. */
const BRIDGE_FILTER = '/proc/sys/net/bridge';
const FILTER_MODULE = 'br_netfilter';

export interface BridgeTools {
  shell: Shell;
  settings: KernelSettings;
}

/** What is lacking, for people; undefined: the bridge is as it should be. */
export async function prepareBridge(
  tools: BridgeTools,
  { bridge, hasIpv6 }: { bridge: string; hasIpv6: boolean },
): Promise<string | undefined> {
  const { settings } = tools;
  await settings.write('/proc/sys/net/ipv4/ip_forward', '1');
  if (hasIpv6) await forwardIpv6(settings);
  if (!(await loadBridgeFilter(tools))) return `the kernel has no ${FILTER_MODULE}`;
  const folder = `/sys/class/net/${bridge}/bridge`;
  await settings.write(`${folder}/nf_call_ip6tables`, '1');
  if (!(await settings.write(`${folder}/nf_call_iptables`, '1'))) return `the bridge ${bridge} may not be changed`;
  return openHairpins(settings, bridge);
}

/** Every port that is there now; a port is made with its pod's sandbox, before anything runs in it. */
export async function openHairpins(settings: KernelSettings, bridge: string): Promise<string | undefined> {
  const ports = await settings.list(`/sys/class/net/${bridge}/brif`);
  const results = await Promise.all(
    ports.map((port) => settings.write(`/sys/class/net/${port}/brport/hairpin_mode`, '1')),
  );
  // A port that is gone meanwhile needs nothing; that none may be changed means that we have no right to.
  return results.length > 0 && results.every((done) => !done) ? `ports of ${bridge} may not be changed` : undefined;
}

/** A machine that forwards stops believing in the router's announcements, unless it is told to go on. */
async function forwardIpv6(settings: KernelSettings): Promise<void> {
  const folder = '/proc/sys/net/ipv6/conf';
  for (const name of await settings.list(folder)) {
    const path = `${folder}/${name}/accept_ra`;
    if ((await settings.read(path)) === '1') await settings.write(path, '2');
  }
  await settings.write(`${folder}/all/forwarding`, '1');
}

/** The module's own default would put every bridge of the machine under the rules: that stays as it was. */
async function loadBridgeFilter({ shell, settings }: BridgeTools): Promise<boolean> {
  if ((await settings.list(BRIDGE_FILTER)).length > 0) return true;
  await shell.run('modprobe', [FILTER_MODULE]);
  if ((await settings.list(BRIDGE_FILTER)).length === 0) return false;
  for (const name of ['bridge-nf-call-iptables', 'bridge-nf-call-ip6tables', 'bridge-nf-call-arptables']) {
    await settings.write(`${BRIDGE_FILTER}/${name}`, '0');
  }
  return true;
}
