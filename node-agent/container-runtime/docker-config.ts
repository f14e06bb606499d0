/** Pure: what Docker is asked to create for a sandbox and for a container. Source: Docker Engine API, ContainerCreate. */
import type { CreateOptions } from './docker-client.ts';
import { LABEL, renderContainerName, renderLabels, SANDBOX_NAME } from './docker-labels.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import type {
  ContainerConfig,
  ContainerResources,
  ContainerSecurity,
  Mount,
  PortMapping,
  SandboxConfig,
} from './runtime.ts';

/** Logs are bounded where they are made: a chatty container never fills the card. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } };

/** The sandbox should be the last process of a pod that the kernel kills for memory. */
export const SANDBOX_OOM_SCORE_ADJ = -998;
/** cgroup cpu.shares of a program that never runs. */
const SANDBOX_CPU_SHARES = 2;

/** The kernel's own period; quotas are given in it. */
const CPU_PERIOD_MICROS = 100_000;
/** The kernel refuses smaller quotas. */
const MIN_CPU_QUOTA_MICROS = 1_000;

export interface SandboxContext {
  node: string;
  /** Docker network that pods join. */
  network: string;
  oomScoreAdj: number;
}

export function renderSandbox(config: SandboxConfig, context: SandboxContext): CreateOptions {
  const identity = { node: context.node, pod: config.pod, name: SANDBOX_NAME, attempt: config.attempt };
  return {
    name: renderContainerName(identity),
    Image: PAUSE_IMAGE,
    Labels: renderLabels(identity, config.annotations),
    // With the host's network Docker refuses a hostname of one's own.
    ...(config.hostNetwork ? {} : { Hostname: config.hostname }),
    ExposedPorts: Object.fromEntries(config.ports.map((port) => [portKey(port), {}])),
    HostConfig: {
      NetworkMode: config.hostNetwork ? 'host' : context.network,
      PidMode: config.hostPid ? 'host' : '',
      IpcMode: config.hostIpc ? 'host' : 'shareable',
      PortBindings: renderPorts(config),
      ExtraHosts: config.hostAliases.flatMap(({ ip, hostnames }) => hostnames.map((name) => `${name}:${ip}`)),
      Sysctls: config.sysctls,
      OomScoreAdj: context.oomScoreAdj,
      CpuShares: SANDBOX_CPU_SHARES,
      ReadonlyRootfs: true,
      LogConfig: { Type: 'none', Config: {} },
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      ...renderDns(config),
    },
  };
}

export function renderContainer(node: string, sandboxId: string, config: ContainerConfig): CreateOptions {
  const identity = { node, pod: config.pod, name: config.name, attempt: config.attempt };
  const own = { [LABEL.hash]: config.hash, [LABEL.sandboxId]: sandboxId, [LABEL.image]: config.image };
  return {
    name: renderContainerName(identity),
    Image: config.image,
    Labels: { ...renderLabels(identity, config.annotations), ...own },
    ...(config.command ? { Entrypoint: config.command } : {}),
    ...(config.args ? { Cmd: config.args } : {}),
    ...(config.workingDir ? { WorkingDir: config.workingDir } : {}),
    ...(config.security.user ? { User: config.security.user } : {}),
    Env: config.env.map(({ name, value }) => `${name}=${value}`),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    HostConfig: {
      NetworkMode: `container:${sandboxId}`,
      IpcMode: `container:${sandboxId}`,
      PidMode: renderPidMode(config.pidMode, sandboxId),
      Binds: config.mounts.map(renderBind),
      Devices: config.devices.map(({ hostPath, containerPath, permissions }) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath,
        CgroupPermissions: permissions,
      })),
      LogConfig: LOG_CONFIG,
      ...renderResources(config.resources),
      ...renderSecurity(config.security),
    },
  };
}

/** Memory and swap are the same, so that a limit is a limit. Kernels without a controller make Docker drop the field. */
function renderResources(resources: ContainerResources): NonNullable<CreateOptions['HostConfig']> {
  const { cpuShares, cpuLimitMillis, memoryLimitBytes, oomScoreAdj } = resources;
  const quota = Math.max(MIN_CPU_QUOTA_MICROS, Math.round((cpuLimitMillis * CPU_PERIOD_MICROS) / 1000));
  return {
    CpuShares: cpuShares,
    ...(cpuLimitMillis > 0 ? { CpuPeriod: CPU_PERIOD_MICROS, CpuQuota: quota } : {}),
    ...(memoryLimitBytes > 0 ? { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes } : {}),
    OomScoreAdj: oomScoreAdj,
  };
}

function renderSecurity(security: ContainerSecurity): NonNullable<CreateOptions['HostConfig']> {
  const options = [
    ...(security.allowPrivilegeEscalation ? [] : ['no-new-privileges']),
    ...(security.seccompProfile === undefined ? [] : [`seccomp=${security.seccompProfile}`]),
  ];
  return {
    Privileged: security.privileged,
    ReadonlyRootfs: security.readOnlyRootFilesystem,
    CapAdd: security.addCapabilities,
    CapDrop: security.dropCapabilities,
    GroupAdd: security.supplementalGroups.map(String),
    SecurityOpt: options,
  };
}

function renderPidMode(mode: ContainerConfig['pidMode'], sandboxId: string): string {
  const modes = { container: '', pod: `container:${sandboxId}`, host: 'host' };
  return modes[mode];
}

function renderBind({ hostPath, containerPath, readOnly, propagation }: Mount): string {
  return `${hostPath}:${containerPath}:${readOnly ? 'ro' : 'rw'},${propagation === 'private' ? 'rprivate' : propagation}`;
}

function renderDns({ dns }: SandboxConfig): NonNullable<CreateOptions['HostConfig']> {
  return dns === undefined ? {} : { Dns: dns.servers, DnsSearch: dns.searches, DnsOptions: dns.options };
}

function portKey(port: { containerPort: number; protocol: string }): string {
  return `${port.containerPort}/${port.protocol.toLowerCase()}`;
}

/** One container port may be bound to several host ports. */
function renderPorts({ ports }: SandboxConfig): Record<string, { HostIp: string; HostPort: string }[]> {
  const bound = ports.filter((port) => port.hostPort > 0);
  const groups = Map.groupBy(bound, portKey);
  const render = (port: PortMapping) => ({ HostIp: port.hostIp, HostPort: String(port.hostPort) });
  return Object.fromEntries([...groups].map(([key, members]) => [key, members.map(render)]));
}
