/** Pure: what Docker is asked to create for a sandbox and for a container. Source: Docker Engine API, ContainerCreate. */
import type { AmountsUpdate, CreateOptions } from './docker-client.ts';
import { LABEL, renderContainerName, renderLabels, SANDBOX_NAME } from './docker-labels.ts';
import { GATE_DIRECTORY } from './gate-binary.ts';
import type { LightSandbox } from './light-sandboxes.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import type {
  ContainerAmounts,
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
  /** On that network; absent or empty: the engine chooses them. */
  addresses?: readonly string[];
  /** The node makes its port: the engine gives it a network of its own with nothing in it. */
  hasOwnPort?: boolean;
}

export function renderSandbox(config: SandboxConfig, context: SandboxContext): CreateOptions {
  const { hasOwnPort = false, node } = context;
  const identity = { node, pod: config.pod, name: SANDBOX_NAME, attempt: config.attempt };
  return {
    name: renderContainerName(identity),
    Image: PAUSE_IMAGE,
    Labels: { ...renderLabels(identity, config.annotations), ...(hasOwnPort ? renderPortLabels(context) : {}) },
    // With the host's network Docker refuses a hostname of one's own.
    ...(config.hostNetwork ? {} : { Hostname: config.hostname, Domainname: config.domainname }),
    ExposedPorts: Object.fromEntries(config.ports.map((port) => [portKey(port), {}])),
    NetworkDisabled: hasOwnPort,
    ...(hasOwnPort ? {} : renderEndpoint(context)),
    HostConfig: {
      NetworkMode: hasOwnPort ? 'none' : config.hostNetwork ? 'host' : context.network,
      PidMode: config.hostPid ? 'host' : '',
      IpcMode: config.hostIpc ? 'host' : 'shareable',
      PortBindings: renderPorts(config),
      ExtraHosts: config.hostAliases.flatMap(({ ip, hostnames }) => hostnames.map((name) => `${name}:${ip}`)),
      Sysctls: config.sysctls,
      OomScoreAdj: context.oomScoreAdj,
      CpuShares: SANDBOX_CPU_SHARES,
      ReadonlyRootfs: true,
      LogConfig: { Type: 'none', Config: {} },
      // The program is ours, has no rights and makes one system call: a filter would only cost each pod its compilation.
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
      CapDrop: ['ALL'],
      ...renderDns(config),
    },
  };
}

function renderPortLabels({ addresses = [], network }: SandboxContext): Record<string, string> {
  return { [LABEL.address]: addresses.join(','), [LABEL.network]: network };
}

/** An address that the engine is told, as it does not know of those that the node has given. */
function renderEndpoint({ addresses = [], network }: SandboxContext): Pick<CreateOptions, 'NetworkingConfig'> {
  if (addresses.length === 0) return {};
  const [IPv4Address, IPv6Address] = [false, true].map((isIpv6) => addresses.find((ip) => ip.includes(':') === isIpv6));
  const own = { ...(IPv4Address ? { IPv4Address } : {}), ...(IPv6Address ? { IPv6Address } : {}) };
  return { NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: own } } } };
}

/** Docker's words for the namespaces that a container shares. */
export interface SharedNamespaces {
  network: string;
  ipc: string;
}

/** `shared`: those of the sandbox's container unless given. */
export function renderContainer(
  node: string,
  sandboxId: string,
  config: ContainerConfig,
  shared: SharedNamespaces = { network: `container:${sandboxId}`, ipc: `container:${sandboxId}` },
): CreateOptions {
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
    ...(config.stopSignal ? { StopSignal: config.stopSignal } : {}),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    HostConfig: {
      NetworkMode: shared.network,
      IpcMode: shared.ipc,
      PidMode:
        config.pidTarget === undefined ? renderPidMode(config.pidMode, sandboxId) : `container:${config.pidTarget}`,
      Binds: config.mounts.filter((mount) => !needsLongForm(mount)).map(renderBind),
      Mounts: config.mounts.filter(needsLongForm).map(renderLong),
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

/** What holds the namespaces of a sandbox without a container of its own: its program waits until its port is made. */
export function renderHolder(node: string, holder: Holder, config: ContainerConfig): CreateOptions {
  const { sandbox, doorway, gateArguments, program } = holder;
  const { hostname, domainname, hostIpc, sysctls } = sandbox.config;
  const ipc = hostIpc ? 'host' : 'shareable';
  const { Labels, HostConfig, ...rest } = renderContainer(node, sandbox.id, config, { network: 'none', ipc });
  return {
    ...rest,
    Labels: { ...Labels, [LABEL.network]: sandbox.network, [LABEL.gate]: 'true' },
    Hostname: hostname,
    Domainname: domainname,
    NetworkDisabled: true,
    Entrypoint: gateArguments,
    Cmd: program,
    HostConfig: {
      ...HostConfig,
      Binds: [...(HostConfig?.Binds ?? []), `${doorway}:${GATE_DIRECTORY}:ro`],
      Sysctls: sysctls,
    },
  };
}

export interface Holder {
  sandbox: LightSandbox;
  /** Folder of the machine with the gate and its door. */
  doorway: string;
  gateArguments: string[];
  program: string[];
}

/** Memory and swap are the same, so that a limit is a limit. Kernels without a controller make Docker drop the field. */
function renderResources(resources: ContainerResources): NonNullable<CreateOptions['HostConfig']> {
  const { cpuShares, cpuLimitMillis, memoryLimitBytes, oomScoreAdj } = resources;
  return {
    CpuShares: cpuShares,
    ...(cpuLimitMillis > 0 ? { CpuPeriod: CPU_PERIOD_MICROS, CpuQuota: quotaOf(cpuLimitMillis) } : {}),
    ...(memoryLimitBytes > 0 ? { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes } : {}),
    OomScoreAdj: oomScoreAdj,
  };
}

/** What a running container is changed to; an amount that is not limited is said, because silence would keep the limit. */
export function renderAmounts({ cpuShares, cpuLimitMillis, memoryLimitBytes }: ContainerAmounts): AmountsUpdate {
  return {
    CpuShares: cpuShares,
    CpuPeriod: CPU_PERIOD_MICROS,
    CpuQuota: cpuLimitMillis > 0 ? quotaOf(cpuLimitMillis) : UNLIMITED,
    ...(memoryLimitBytes > 0 ? { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes } : {}),
  };
}

const UNLIMITED = -1;

function quotaOf(cpuLimitMillis: number): number {
  return Math.max(MIN_CPU_QUOTA_MICROS, Math.round((cpuLimitMillis * CPU_PERIOD_MICROS) / 1000));
}

/** Thousandths of a CPU that a quota stands for; 0: none. */
export function millisOf(quotaMicros: number, periodMicros: number): number {
  return quotaMicros <= 0 ? 0 : Math.round((quotaMicros * 1000) / (periodMicros || CPU_PERIOD_MICROS));
}

function renderSecurity(security: ContainerSecurity): NonNullable<CreateOptions['HostConfig']> {
  const options = [
    ...(security.allowPrivilegeEscalation ? [] : ['no-new-privileges']),
    ...(security.seccompProfile === undefined ? [] : [`seccomp=${security.seccompProfile}`]),
    ...(security.appArmorProfile === undefined ? [] : [`apparmor=${security.appArmorProfile}`]),
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
  // Private is what the engine does unless told; told, it refuses to mount what its own directory lies in, such as `/`.
  const mode = [readOnly ? 'ro' : 'rw', ...(propagation === 'private' ? [] : [propagation])].join(',');
  return `${hostPath}:${containerPath}:${mode}`;
}

type EngineMount = NonNullable<NonNullable<CreateOptions['HostConfig']>['Mounts']>[number];

/**
 * What the short form cannot say: a colon in a path, and read-only all the way down. Engines before version 25 do not know the
 * word for it: `RuntimeInfo.recursiveReadOnly`.
 */
function needsLongForm({ hostPath, recursiveReadOnly }: Mount): boolean {
  return recursiveReadOnly || hostPath.includes(':');
}

function renderLong({ hostPath, containerPath, readOnly, recursiveReadOnly, propagation }: Mount): EngineMount {
  const options = {
    Propagation: propagation === 'private' ? ('rprivate' as const) : propagation,
    ...(recursiveReadOnly ? { ReadOnlyForceRecursive: true } : {}),
  };
  return { Type: 'bind', Source: hostPath, Target: containerPath, ReadOnly: readOnly, BindOptions: options };
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
