/**
 * Pure: whether a pod's specification keeps it from coming in here. A scheduler has looked at ports and amounts; pods that
 * name their node themselves, and two pods that came at the same time, are judged here only. Source: Kubernetes,
 * pkg/kubelet/lifecycle (predicates) and pkg/kubelet/sysctl.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { type Amounts, findLacks, plus, toAmounts } from '../spec/allocation.ts';

export interface Refusal {
  reason: string;
  message: string;
}

export interface Room {
  /** Pods that came in before. */
  others: readonly Pod[];
  allocatable: Readonly<Record<string, string>>;
  requestsOf(pod: Pod): Amounts;
}

/** undefined: it may come in. */
export function computeRefusal(pod: Pod, room: Room): Refusal | undefined {
  return refuseSystem(pod) ?? refuseSysctls(pod) ?? refusePorts(pod, room.others) ?? refuseAmounts(pod, room);
}

function refuseAmounts(pod: Pod, { others, allocatable, requestsOf }: Room): Refusal | undefined {
  const capacity = toAmounts(allocatable);
  // Before the node knows itself, the scheduler knows better.
  if (!capacity.has('cpu')) return undefined;
  const used = others.map(requestsOf).reduce(plus, new Map());
  const [lack] = findLacks(requestsOf(pod), used, capacity);
  if (lack === undefined) return undefined;
  const message = `Pod was rejected: Node didn't have enough resource: ${lack.name}, ${lack.figures}`;
  return { reason: `OutOf${lack.name}`, message };
}

function refuseSystem({ spec }: Pod): Refusal | undefined {
  if (spec.os === undefined || spec.os.name === 'linux') return undefined;
  return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
}

/** Parameters that belong to the pod's own namespaces and cannot harm its neighbours. */
const SAFE_SYSCTLS: readonly string[] = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

function refuseSysctls({ spec }: Pod): Refusal | undefined {
  const reason = 'SysctlForbidden';
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    if (!SAFE_SYSCTLS.includes(dotted)) return { reason, message: `forbidden sysctl: "${name}" not allowlisted` };
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      return { reason, message: `forbidden sysctl: "${name}" not allowed with host net enabled` };
    }
    if (spec.hostIPC && dotted.startsWith('kernel.shm')) {
      return { reason, message: `forbidden sysctl: "${name}" not allowed with host ipc enabled` };
    }
  }
  return undefined;
}

function refusePorts(pod: Pod, others: readonly Pod[]): Refusal | undefined {
  const own = hostPortsOf(pod);
  if (own.length === 0) return undefined;
  const taken = others.flatMap(hostPortsOf);
  if (!own.some((port) => taken.some((other) => collide(port, other)))) return undefined;
  const message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message: `Pod was rejected: ${message}` };
}

interface HostPort {
  ip: string;
  port: number;
  protocol: string;
}

/** Every address of the node. */
const EVERY_ADDRESS = '0.0.0.0';

function hostPortsOf({ spec }: Pod): HostPort[] {
  const ports = [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) => container.ports ?? []);
  const bound = ports.filter((port) => (port.hostPort ?? 0) > 0);
  return bound.map(({ hostPort = 0, hostIP, protocol }) => {
    return { ip: hostIP || EVERY_ADDRESS, port: hostPort, protocol: protocol ?? 'TCP' };
  });
}

function collide(a: HostPort, b: HostPort): boolean {
  const isSameAddress = a.ip === b.ip || a.ip === EVERY_ADDRESS || b.ip === EVERY_ADDRESS;
  return isSameAddress && a.port === b.port && a.protocol === b.protocol;
}
