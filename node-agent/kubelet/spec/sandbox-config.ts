/** Pure: what the containers of a pod share. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PortMapping, SandboxConfig } from '../../container-runtime/runtime.ts';
import { podIdentity } from './container-config.ts';
import { computeHostname } from './hostname.ts';
import { type ClusterDns, renderDns } from './resolver.ts';

export interface SandboxInput {
  pod: Pod;
  attempt: number;
  annotations: Record<string, string>;
  clusterDns: ClusterDns;
  /** Texts of the node's resolv.conf and hosts; empty where the pod does not need them. */
  nodeResolver: string;
  nodeHosts: string;
}

/** Throws ConfigError where the pod cannot be called as it wants. */
export function renderSandboxConfig(input: SandboxInput): SandboxConfig {
  const { pod, attempt, annotations, clusterDns } = input;
  const { spec } = pod;
  return {
    pod: podIdentity(pod),
    attempt,
    ...computeHostname(pod, clusterDns.domain),
    isSolitary: isSolitary(pod),
    hostNetwork: spec.hostNetwork ?? false,
    hostPid: spec.hostPID ?? false,
    hostIpc: spec.hostIPC ?? false,
    ports: spec.hostNetwork ? [] : renderPorts(pod),
    dns: renderDns(pod, clusterDns, input.nodeResolver),
    hostAliases: renderHostAliases(pod, input.nodeHosts),
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    annotations,
  };
}

/** A profile of the owner's own may forbid what holding the namespaces takes: it was written for the program alone. */
function isSolitary({ spec }: Pod): boolean {
  const [container, ...others] = [...(spec.initContainers ?? []), ...spec.containers];
  if (container === undefined || others.length > 0 || spec.shareProcessNamespace) return false;
  const profiles = [container.securityContext, spec.securityContext].flatMap((context) => [
    context?.seccompProfile,
    context?.appArmorProfile,
  ]);
  return profiles.every((profile) => profile?.type !== 'Localhost');
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

/** With the node's network a pod has the node's hosts; the engine leaves them out when there are further ones. */
export function needsNodeHosts({ spec }: Pod): boolean {
  return spec.hostNetwork === true && (spec.hostAliases ?? []).length > 0;
}

function renderHostAliases(pod: Pod, nodeHosts: string): SandboxConfig['hostAliases'] {
  const own = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => ({ ip, hostnames }));
  return needsNodeHosts(pod) ? [...parseHosts(nodeHosts), ...own] : own;
}

/** Lines of hosts(5). */
function parseHosts(text: string): SandboxConfig['hostAliases'] {
  return text.split('\n').flatMap((line) => {
    const [ip = '', ...hostnames] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    return ip === '' || hostnames.length === 0 ? [] : [{ ip, hostnames }];
  });
}
