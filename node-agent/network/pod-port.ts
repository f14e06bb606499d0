/**
 * The port of a pod on the bridge of its node: a pair of devices, one end in the pod's network as eth0, the other one on the
 * bridge. Invariant: a port is on the bridge only when the pod's end is complete, so that the kernel lists on the bridge is whole. It goes
 * with the network namespace of its pod. Sources: ip-link(8), veth(4).
 */
import {
  addressIn,
  formatIp,
  type IpRange,
  parseIp,
  parseRange,
  rangeContains,
} from '../../shared/machinery/ip-range.ts';
import type { Shell } from '../../shared/platform/shell.ts';
import type { KernelSettings } from './kernel-settings.ts';

export interface PortTools {
  shell: Shell;
  settings: KernelSettings;
  /** Id of a process in the network of the node: the agent's own. */
  nodePid: number;
}

export interface PortPlace {
  bridge: string;
  /** Ranges of the node's pods; the node itself has the first address of each. */
  subnets: readonly string[];
}

export interface PortRequest {
  /** On the node's side. */
  name: string;
  /** A process in the network of the pod. */
  pid: number;
  addresses: readonly string[];
  /** One of that name, to a network that is gone, may still stand: the kernel clears such networks away when it has time. */
  replaces?: boolean;
}

/** Both halves in one program: starting one costs an agent more than the halves themselves. */
const MAKE_AND_JOIN = 'nsenter --net="$1" ip -batch - && exec ip link set dev "$2" up master "$3"';
const REMOVE = 'ip link delete dev "$2" 2>/dev/null; ';

/** What went wrong, for people; undefined: the port stands. */
export async function attachPort(tools: PortTools, place: PortPlace, port: PortRequest): Promise<string | undefined> {
  const { shell, settings, nodePid } = tools;
  const knowsIpv6 = (await settings.list('/proc/sys/net/ipv6/conf')).length > 0;
  const commands = renderPodEnd(place, port, { nodePid, knowsIpv6 });
  if (commands === undefined) return `${port.addresses.join()} is not in ${place.subnets.join()}`;
  const ends = [`/proc/${port.pid}/ns/net`, port.name, place.bridge];
  const script = port.replaces ? `${REMOVE}${MAKE_AND_JOIN}` : MAKE_AND_JOIN;
  const made = await shell.run('sh', ['-c', script, 'sh', ...ends], `${commands.join('\n')}\n`);
  if (made.code !== 0) return `ip: ${made.stderr.trim()}`;
  // A pod must reach itself by way of a service.
  await settings.write(`/sys/class/net/${port.name}/brport/hairpin_mode`, '1');
  return undefined;
}

/** Commands of `ip -batch` inside the pod's network; undefined: an address is not of the node's slice. */
export function renderPodEnd(
  { subnets }: PortPlace,
  port: PortRequest,
  { nodePid, knowsIpv6 }: { nodePid: number; knowsIpv6: boolean },
): string[] | undefined {
  const ranges = subnets.flatMap((subnet) => parseRange(subnet) ?? []);
  const ends = port.addresses.map((address) => ({ address, range: ranges.find((range) => holds(range, address)) }));
  if (ends.length === 0 || ends.some(({ range }) => range === undefined)) return undefined;
  const known = ends.flatMap(({ address, range }) => (range === undefined ? [] : [{ address, range }]));
  return [
    `link add name eth0 ${renderMac(port.addresses)}type veth peer name ${port.name} netns ${nodePid}`,
    ...known.map(({ address, range }) => `address add ${address}/${range.prefix} dev eth0${nodad(range)}`),
    // Policies know no address that nobody gave: a pod without an IPv6 address has no link-local one either.
    ...(knowsIpv6 && known.every(({ range }) => range.family === 4) ? ['link set dev eth0 addrgenmode none'] : []),
    'link set dev eth0 up',
    ...known.map(({ range }) => `route add default via ${addressIn(range, 1)} dev eth0`),
  ];
}

function holds(range: IpRange, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && rangeContains(range, ip);
}

/** The node gives each address once: asking the neighbours would only make the pod wait. */
function nodad({ family }: IpRange): string {
  return family === 6 ? ' nodad' : '';
}

/** From the IPv4 address, as Docker does: neighbours that remember an address that has a new pod are not wrong. */
function renderMac(addresses: readonly string[]): string {
  const ip = addresses.map(parseIp).find((each) => each?.family === 4);
  if (ip === undefined) return '';
  const bytes = formatIp(ip)
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'));
  return `address 02:42:${bytes.join(':')} `;
}
