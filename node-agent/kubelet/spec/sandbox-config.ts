/** Pure: what the containers of a pod share. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PortMapping, SandboxConfig } from '../../container-runtime/runtime.ts';
import { podIdentity } from './container-config.ts';

/** Linux takes no longer host names. */
const MAX_HOSTNAME_CHARS = 63;

export function renderSandboxConfig(pod: Pod, attempt: number, annotations: Record<string, string>): SandboxConfig {
  const { spec } = pod;
  return {
    pod: podIdentity(pod),
    attempt,
    hostname: renderHostname(pod),
    hostNetwork: spec.hostNetwork ?? false,
    hostPid: spec.hostPID ?? false,
    hostIpc: spec.hostIPC ?? false,
    ports: spec.hostNetwork ? [] : renderPorts(pod),
    dns: renderDns(pod),
    hostAliases: (spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => ({ ip, hostnames })),
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    annotations,
  };
}

/** A name that is cut may not end in a dash or a dot. */
function renderHostname({ metadata, spec }: Pod): string {
  const name = spec.hostnameOverride || spec.hostname || metadata.name;
  return name.slice(0, MAX_HOSTNAME_CHARS).replace(/[-.]+$/, '');
}

function renderPorts({ spec }: Pod): PortMapping[] {
  const ports = [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) => container.ports ?? []);
  return ports
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map(({ containerPort, hostPort = 0, hostIP = '', protocol }) => ({
      containerPort,
      hostPort,
      hostIp: hostIP,
      protocol: protocol ?? 'TCP',
    }));
}

/** undefined: the engine copies the node's resolver. */
function renderDns({ spec }: Pod): SandboxConfig['dns'] {
  const { dnsConfig, dnsPolicy } = spec;
  if (dnsConfig === undefined && dnsPolicy !== 'None') return undefined;
  const options = (dnsConfig?.options ?? []).map(({ name = '', value }) => (value ? `${name}:${value}` : name));
  return { servers: dnsConfig?.nameservers ?? [], searches: dnsConfig?.searches ?? [], options };
}
