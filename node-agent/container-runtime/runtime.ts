/**
 * The container runtime as the kubelet needs it, after Kubernetes' CRI: sandboxes hold what the containers of a pod share
 * (network, hostname, IPC), containers run in a sandbox. An implementation owns only what it labelled as its node's, and
 * keeps no state of its own: everything can be listed again after a restart.
 */
export interface ContainerRuntime {
  info(signal?: AbortSignal): Promise<RuntimeInfo>;
  /** Does beforehand what the first sandbox would have to wait for. No harm when it fails, or is never called. */
  prepare?(): Promise<void>;
  /** Sandboxes and containers of this node, running or not; of one pod when asked for. */
  list(filter?: { podUid: string }): Promise<RuntimeListing>;
  /** Creates and starts the sandbox; returns its id. */
  runSandbox(config: SandboxConfig): Promise<string>;
  /** Kills what still runs in the sandbox and removes the sandbox; ended containers stay for their logs. A missing one is fine. */
  removeSandbox(id: string): Promise<void>;
  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Changes the amounts of a container, running or not, without a restart. */
  updateContainer(id: string, amounts: ContainerAmounts): Promise<void>;
  /** Sends the stop signal, and SIGKILL after the grace; resolves when the container has ended. A missing one is fine. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  /** Kills first where needed; a missing one is fine. */
  removeContainer(id: string): Promise<void>;
  /** Ends when the log ends and `follow` is off, or the container is gone, or the signal aborts. */
  logs(id: string, options: LogOptions): AsyncIterable<LogChunk>;
  exec(id: string, options: ExecOptions): Promise<ExecSession>;
  /** The streams of the container's own process. */
  attach(id: string, options: { stdin: boolean }): Promise<ContainerStream>;
  /** Id of the container's first process on this machine; undefined: it does not run. */
  processOf?(id: string): Promise<number | undefined>;
  stats(ids: readonly string[]): Promise<ContainerStats[]>;
  /** Bytes that each container has written to its own root, by id; costs the engine a look at every file. */
  writtenBytes?(): Promise<ReadonlyMap<string, number>>;
  /** Something happened to a container of this node; only a hint to list again. Ends or throws when the engine is gone. */
  events(signal: AbortSignal): AsyncIterable<{ containerId: string; podUid: string }>;
  /** undefined: the image is not here. */
  imageStatus(reference: string): Promise<ImageRecord | undefined>;
  pullImage(reference: string, options: PullOptions): Promise<ImageRecord>;
  listImages(): Promise<ImageRecord[]>;
  /** All its names with it. Rejects `conflict` while a container uses it; a missing one is fine. */
  removeImage(id: string): Promise<void>;
  /** The image as an archive for another node. Rejects `not-found`. */
  exportImage(id: string, signal: AbortSignal): Promise<ImageExport>;
  /** Takes what another node's `exportImage` gave. Rejects `invalid` when it is not what is expected; nothing is left then. */
  importImage(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageRecord>;
}

export interface RuntimeListing {
  sandboxes: SandboxRecord[];
  containers: ContainerRecord[];
}

export interface RuntimeInfo {
  /** `docker` */
  name: string;
  version: string;
  /** `linux`, and Kubernetes' word for the CPU: `amd64`, `arm64`. */
  operatingSystem: string;
  architecture: string;
  kernelVersion: string;
  osImage: string;
  cgroupVersion: 1 | 2;
  /** Limits on memory are enforced; false on boards whose memory cgroup is off. */
  memoryLimits: boolean;
  cgroupDriver: string;
  /** Where images and containers lie: the disk that the node's free space is about. */
  storagePath: string;
  /** The kernel has AppArmor and the engine uses it. */
  appArmor: boolean;
  /** Mounts below a read-only mount can be made read-only too. */
  recursiveReadOnly: boolean;
}

/** Whose sandbox or container it is; stored as labels, read back by `list`. */
export interface PodIdentity {
  namespace: string;
  name: string;
  uid: string;
}

export interface SandboxConfig {
  pod: PodIdentity;
  /** Counts the sandboxes of the pod; part of the name, so that a creation can be repeated safely. */
  attempt: number;
  hostname: string;
  /** The rest of the full name, `sub.default.svc.cluster.local`; empty: none. */
  domainname: string;
  /** One container only lives in it, and nothing keeps that one from holding the namespaces itself; absent: false. */
  isSolitary?: boolean;
  hostNetwork: boolean;
  hostPid: boolean;
  hostIpc: boolean;
  ports: PortMapping[];
  dns: { servers: string[]; searches: string[]; options: string[] } | undefined;
  hostAliases: { ip: string; hostnames: string[] }[];
  sysctls: Record<string, string>;
  /** Opaque to the runtime, read back by `list`. */
  annotations: Record<string, string>;
}

export interface PortMapping {
  containerPort: number;
  hostPort: number;
  hostIp: string;
  protocol: 'TCP' | 'UDP' | 'SCTP';
}

export interface SandboxRecord {
  id: string;
  pod: PodIdentity;
  attempt: number;
  state: 'ready' | 'not-ready';
  createdAtMs: number;
  /** Empty while not ready, and with the host's network. */
  ip: string;
  /** Of the other address family, where the network has one. */
  otherIp?: string;
  annotations: Record<string, string>;
}

export interface ContainerConfig {
  pod: PodIdentity;
  name: string;
  attempt: number;
  /** Reference as in the pod; the image must be present. */
  image: string;
  /** Kubernetes' command and args; absent keeps the image's. */
  command: string[] | undefined;
  args: string[] | undefined;
  workingDir: string | undefined;
  env: { name: string; value: string }[];
  mounts: Mount[];
  resources: ContainerResources;
  security: ContainerSecurity;
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** Opaque to the runtime, read back by `list`: lets the kubelet see that the wanted configuration changed. */
  hash: string;
  /** Opaque to the runtime, read back by `list`: what the kubelet wants to know again after its restart. */
  annotations: Record<string, string>;
  /** Whose processes the container sees: its own, those of the pod, or all of the host. */
  pidMode: 'container' | 'pod' | 'host';
  /** Id of a container whose processes it sees, in place of pidMode. */
  pidTarget: string | undefined;
  /** `SIGUSR1`; undefined: the image's own. */
  stopSignal: string | undefined;
  devices: { hostPath: string; containerPath: string; permissions: string }[];
}

export interface Mount {
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
  /** With readOnly: mounts below it are read-only too. */
  recursiveReadOnly: boolean;
  propagation: 'private' | 'rslave' | 'rshared';
}

/** Amounts that may change while the container runs. */
export interface ContainerAmounts {
  /** cgroup cpu.shares (v1 words); 0: the default. */
  cpuShares: number;
  /** Quota in thousandths of a CPU; 0: none. */
  cpuLimitMillis: number;
  /** 0: none. */
  memoryLimitBytes: number;
}

export interface ContainerResources extends ContainerAmounts {
  oomScoreAdj: number;
}

export interface ContainerSecurity {
  /** `1000`, `1000:1000` or undefined for the image's user. */
  user: string | undefined;
  supplementalGroups: number[];
  privileged: boolean;
  readOnlyRootFilesystem: boolean;
  allowPrivilegeEscalation: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
  /** `unconfined`, a profile's JSON, or undefined for the engine's default. */
  seccompProfile: string | undefined;
  /** `unconfined`, the name of a loaded profile, or undefined for the engine's default. */
  appArmorProfile: string | undefined;
}

export interface ContainerRecord {
  id: string;
  sandboxId: string;
  pod: PodIdentity;
  name: string;
  attempt: number;
  hash: string;
  annotations: Record<string, string>;
  /** Reference that the container was made with, and the image's id. */
  image: string;
  imageId: string;
  /** What is in force. */
  amounts: ContainerAmounts;
  state: 'created' | 'running' | 'exited';
  createdAtMs: number;
  /** Present once started. */
  startedAtMs: number | undefined;
  /** Present once exited. */
  exit: ContainerExit | undefined;
}

export interface ContainerExit {
  code: number;
  /** 0 when no signal ended it. */
  signal: number;
  finishedAtMs: number;
  oomKilled: boolean;
  /** The program could not be started at all: no such file, a mount that fails; `message` says why. */
  startFailed: boolean;
  message: string;
}

export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  /** undefined: all lines. */
  tailLines: number | undefined;
  sinceMs: number | undefined;
  signal: AbortSignal;
}

export interface LogChunk {
  stream: 'stdout' | 'stderr';
  bytes: Uint8Array;
}

export interface ExecOptions {
  command: string[];
  stdin: boolean;
  tty: boolean;
}

/** The streams of a process in a container. */
export interface ContainerStream {
  /** Ends when the process has closed its output; the consumer's pace is the process's pace. */
  output: AsyncIterable<LogChunk>;
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Idempotent: lets go of the process's streams. */
  close(): void;
}

export interface ExecSession extends ContainerStream {
  /** The exit code of the process; ask once `output` has ended. */
  exitCode(): Promise<number>;
}

export interface ContainerStats {
  containerId: string;
  atMs: number;
  /** CPU time used since the container started, nanoseconds. */
  cpuNanos: number;
  /** Memory that cannot be reclaimed; what the processes hold of their own when the memory cgroup is off; 0: unknown. */
  workingSetBytes: number;
  /** Processes and threads; absent: unknown. */
  processes?: number | undefined;
}

export interface ImageRecord {
  id: string;
  /** `busybox:1.36`, as the engine shows them. */
  references: string[];
  digests: string[];
  sizeBytes: number;
  operatingSystem: string;
  architecture: string;
  /** The image's own user, such as `1000` or `nginx`; empty for root. */
  user: string;
}

export interface PullOptions {
  auth: { username: string; password: string; serverAddress: string } | undefined;
  onProgress(message: string): void;
  /** How much of the work is done, where the engine tells it. */
  onTransfer?(doneBytes: number, totalBytes: number): void;
  signal: AbortSignal;
}

export interface ImageExport {
  /** Exports of the same version are the same bytes: one that broke off can be taken up again in the middle. */
  version: string;
  /** How large it is, roughly. */
  sizeBytes: number;
  chunks: AsyncIterable<Uint8Array>;
}

export interface ImportOptions {
  /** The name that the image gets here: with a tag, or with a digest. */
  reference: string;
  /** What the registry says that the name means: `imageStatus` then also shows the image by it. */
  digest: string | undefined;
  /** Digest of the configuration that the archive must have; undefined: whatever it is. */
  imageId: string | undefined;
  maxBytes: number;
  signal: AbortSignal;
}

export type RuntimeErrorReason =
  /** The engine does not answer: is it running? */
  | 'unavailable'
  | 'not-found'
  | 'conflict'
  | 'image-not-found'
  | 'pull-failed'
  | 'invalid'
  | 'no-space'
  | 'start-failed'
  | 'failed';

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly reason: RuntimeErrorReason;
  constructor(reason: RuntimeErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
