/**
 * A container runtime in memory, in virtual time. It outlives the kubelet that uses it, as an engine outlives its agent; a
 * plan says what each container does, and faults are methods. The contract suite holds it to what Docker does.
 */
import {
  type ContainerAmounts,
  type ContainerConfig,
  type ContainerRecord,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerStream,
  type ExecOptions,
  type ExecSession,
  type ImageExport,
  type ImageRecord,
  type ImportOptions,
  type LogChunk,
  type LogOptions,
  type PullOptions,
  RuntimeError,
  type RuntimeInfo,
  type RuntimeListing,
  type SandboxConfig,
  type SandboxRecord,
} from '../../node-agent/container-runtime/runtime.ts';
import { type Clock, formatTime, sleep, type Timer } from '../../shared/platform/clock.ts';

/** What a container does with its life. */
export interface ContainerPlan {
  /** How long `startContainer` takes. */
  startDelayMs?: number;
  /** Ends by itself after this; absent: runs until it is stopped. */
  runForMs?: number;
  exitCode?: number;
  oomKilled?: boolean;
  /** The program cannot be started at all. */
  startError?: string;
  /** Its amounts cannot be changed. */
  updateError?: string;
  /** Only SIGKILL ends it. */
  ignoresStop?: boolean;
  /** Lines that it prints at its start. */
  output?: readonly string[];
  /** Usage that `stats` reports. */
  cpuMillis?: number;
  memoryBytes?: number;
}

export interface FakeRuntimeOptions {
  clock: Clock;
  node: string;
  /** Asked at each creation; absent: everything runs until it is stopped. */
  planOf?(config: ContainerConfig): ContainerPlan;
  /** Told of each start, seen from outside. */
  onStart?(record: ContainerRecord): void;
  /** Answers commands; absent: they print nothing and succeed. */
  execOf?(config: ContainerConfig, command: readonly string[]): { output: string; exitCode: number };
  /** How long an image takes; absent: images are here. */
  pullMs?: number;
  /** How long a listing takes; absent: no time. */
  listMs?: number;
  architecture?: string;
}

interface FakeContainer {
  record: ContainerRecord;
  config: ContainerConfig;
  plan: ContainerPlan;
  log: { line: string; atMs: number }[];
  ended: PromiseWithResolvers<void>;
  timer: Timer | undefined;
}

/** Images of the fake are their names, over and over. */
const EXPORT_BYTES = 64 * 1024;
const EXPORT_CHUNK_BYTES = 4 * 1024;

const SIGKILL_CODE = 137;
const SIGTERM_CODE = 143;

export class FakeRuntime implements ContainerRuntime {
  readonly #options: FakeRuntimeOptions;
  readonly #sandboxes = new Map<string, { record: SandboxRecord; config: SandboxConfig }>();
  readonly #containers = new Map<string, FakeContainer>();
  readonly #images = new Set<string>();
  readonly #failingPulls = new Map<string, string>();
  #subscribers = new Set<(event: { containerId: string; podUid: string } | undefined) => void>();
  #available = true;
  #counter = 0;
  /** Containers started since the beginning: restarts nobody asked for show here. */
  starts = 0;

  constructor(options: FakeRuntimeOptions) {
    this.#options = options;
  }

  // Faults

  /** false: every call fails and the events end; containers run on, as with a live-restored engine. */
  setAvailable(available: boolean): void {
    this.#available = available;
    if (!available) for (const notify of this.#subscribers) notify(undefined);
  }

  /** The container's program ends on its own. */
  crash(id: string, exitCode = 1): void {
    const container = this.#containers.get(id);
    if (container?.record.state === 'running') this.#end(container, exitCode);
  }

  /** Somebody removes the sandbox's process: the pod has lost its network. */
  crashSandbox(id: string): void {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    sandbox.record = { ...sandbox.record, state: 'not-ready', ip: '' };
    this.#notify(id, sandbox.record.pod.uid);
  }

  /** The board loses its power: everything has ended when it is back, nothing is removed. */
  reboot(): void {
    for (const id of this.#sandboxes.keys()) this.crashSandbox(id);
    for (const container of this.#containers.values()) {
      if (container.record.state === 'running') this.#end(container, SIGKILL_CODE);
    }
  }

  /** What runs, seen from outside: works while the engine does not answer. */
  running(): readonly ContainerRecord[] {
    return [...this.#containers.values()].map(({ record }) => record).filter(({ state }) => state === 'running');
  }

  failPull(reference: string, message: string | undefined): void {
    if (message === undefined) this.#failingPulls.delete(reference);
    else this.#failingPulls.set(reference, message);
  }

  // ContainerRuntime

  async info(): Promise<RuntimeInfo> {
    this.#check();
    return {
      name: 'docker',
      version: '0.0.0-fake',
      operatingSystem: 'linux',
      architecture: this.#options.architecture ?? 'arm64',
      kernelVersion: '6.12.0',
      osImage: 'Simulated',
      cgroupVersion: 2,
      memoryLimits: true,
      cgroupDriver: 'systemd',
      storagePath: '/var/lib/docker',
      appArmor: false,
      recursiveReadOnly: false,
    };
  }

  async list(filter?: { podUid: string }): Promise<RuntimeListing> {
    this.#check();
    if (this.#options.listMs !== undefined) await sleep(this.#options.clock, this.#options.listMs);
    const wanted = (pod: { uid: string }): boolean => filter === undefined || pod.uid === filter.podUid;
    return {
      sandboxes: [...this.#sandboxes.values()].map(({ record }) => record).filter(({ pod }) => wanted(pod)),
      containers: [...this.#containers.values()].map(({ record }) => record).filter(({ pod }) => wanted(pod)),
    };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    this.#check();
    const id = `sandbox-${config.pod.uid}-${config.attempt}`;
    const index = ++this.#counter;
    const record: SandboxRecord = {
      id,
      pod: config.pod,
      attempt: config.attempt,
      state: 'ready',
      createdAtMs: this.#options.clock.nowMs(),
      ip: config.hostNetwork ? '' : `10.0.${(index >> 8) & 255}.${index & 255}`,
      annotations: config.annotations,
    };
    const present = this.#sandboxes.get(id);
    if (present?.record.state !== 'ready') this.#sandboxes.set(id, { record, config });
    this.#notify(id, config.pod.uid);
    return id;
  }

  async removeSandbox(id: string): Promise<void> {
    this.#check();
    for (const container of this.#containers.values()) {
      const { record } = container;
      if (record.sandboxId === id && record.state === 'running') this.#end(container, SIGKILL_CODE);
    }
    const uid = this.#sandboxes.get(id)?.record.pod.uid;
    this.#sandboxes.delete(id);
    if (uid !== undefined) this.#notify(id, uid);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    this.#check();
    if (this.#sandboxes.get(sandboxId) === undefined) throw new RuntimeError('not-found', `no sandbox ${sandboxId}`);
    if (!this.#hasImage(config.image)) throw new RuntimeError('image-not-found', `no image ${config.image}`);
    const id = `container-${config.pod.uid}-${config.name}-${config.attempt}`;
    if (this.#containers.has(id)) return id;
    const record: ContainerRecord = {
      id,
      sandboxId,
      pod: config.pod,
      name: config.name,
      attempt: config.attempt,
      hash: config.hash,
      annotations: config.annotations,
      image: config.image,
      imageId: `sha256:${config.image}`,
      amounts: amountsOf(config),
      state: 'created',
      createdAtMs: this.#options.clock.nowMs(),
      startedAtMs: undefined,
      exit: undefined,
    };
    const plan = this.#options.planOf?.(config) ?? {};
    const ended = Promise.withResolvers<void>();
    this.#containers.set(id, { record, config, plan, log: [], ended, timer: undefined });
    this.#notify(id, config.pod.uid);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    this.#check();
    const { plan } = this.#container(id);
    if (plan.startDelayMs !== undefined) await sleep(this.#options.clock, plan.startDelayMs);
    this.#check();
    const container = this.#container(id);
    if (container.record.state === 'running') return;
    if (plan.startError !== undefined) {
      this.#end(container, 128, plan.startError);
      throw new RuntimeError('start-failed', plan.startError);
    }
    this.#begin(container);
  }

  async updateContainer(id: string, amounts: ContainerAmounts): Promise<void> {
    this.#check();
    const container = this.#container(id);
    if (container.plan.updateError !== undefined) throw new RuntimeError('invalid', container.plan.updateError);
    container.record = { ...container.record, amounts };
    this.#notify(id, container.record.pod.uid);
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    this.#check();
    const container = this.#containers.get(id);
    if (container?.record.state !== 'running') return;
    if (!container.plan.ignoresStop) this.#end(container, SIGTERM_CODE);
    else if (graceSeconds === 0) this.#end(container, SIGKILL_CODE);
    else await Promise.race([container.ended.promise, sleep(this.#options.clock, graceSeconds * 1000)]);
    if (this.#containers.get(id)?.record.state === 'running') this.#end(container, SIGKILL_CODE);
  }

  async removeContainer(id: string): Promise<void> {
    this.#check();
    const container = this.#containers.get(id);
    if (container === undefined) return;
    if (container.record.state === 'running') this.#end(container, SIGKILL_CODE);
    this.#containers.delete(id);
    this.#notify(id, container.record.pod.uid);
  }

  async *logs(id: string, options: LogOptions): AsyncGenerator<LogChunk> {
    this.#check();
    const container = this.#container(id);
    const since = container.log.filter(({ atMs }) => atMs >= (options.sinceMs ?? 0));
    const lines = options.tailLines === undefined ? since : since.slice(since.length - options.tailLines);
    for (const { line, atMs } of lines) {
      const stamp = options.timestamps ? `${formatTime(atMs)} ` : '';
      yield { stream: 'stdout', bytes: Buffer.from(`${stamp}${line}\n`) };
    }
    if (!options.follow || container.record.state !== 'running') return;
    await Promise.race([container.ended.promise, aborted(options.signal)]);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    this.#check();
    const { config, record } = this.#container(id);
    if (record.state !== 'running') throw new RuntimeError('conflict', `container ${id} is not running`);
    const answer = this.#options.execOf?.(config, options.command) ?? { output: '', exitCode: 0 };
    return { ...streamOf(answer.output), exitCode: async () => answer.exitCode };
  }

  async attach(id: string): Promise<ContainerStream> {
    this.#check();
    return streamOf(
      this.#container(id)
        .log.map(({ line }) => `${line}\n`)
        .join(''),
    );
  }

  async stats(ids: readonly string[]): Promise<ContainerStats[]> {
    this.#check();
    const atMs = this.#options.clock.nowMs();
    return ids.flatMap((id) => {
      const container = this.#containers.get(id);
      if (container?.record.state !== 'running') return [];
      const ranMs = atMs - (container.record.startedAtMs ?? atMs);
      const cpuNanos = ranMs * (container.plan.cpuMillis ?? 10) * 1000;
      return [{ containerId: id, atMs, cpuNanos, workingSetBytes: container.plan.memoryBytes ?? 8 * 1024 * 1024 }];
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<{ containerId: string; podUid: string }> {
    this.#check();
    const queue: ({ containerId: string; podUid: string } | undefined)[] = [];
    let wake = Promise.withResolvers<void>();
    const notify = (event: { containerId: string; podUid: string } | undefined): void => {
      queue.push(event);
      wake.resolve();
    };
    this.#subscribers.add(notify);
    try {
      while (!signal.aborted) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
        if (!this.#available) throw new RuntimeError('unavailable', 'the engine is down');
        wake = Promise.withResolvers<void>();
        if (queue.length === 0) await Promise.race([wake.promise, aborted(signal)]);
      }
    } finally {
      this.#subscribers.delete(notify);
    }
  }

  async imageStatus(reference: string): Promise<ImageRecord | undefined> {
    this.#check();
    return this.#hasImage(reference) ? this.#image(reference) : undefined;
  }

  async pullImage(reference: string, options: PullOptions): Promise<ImageRecord> {
    this.#check();
    await sleep(this.#options.clock, this.#options.pullMs ?? 0, options.signal);
    this.#check();
    const failure = this.#failingPulls.get(reference);
    if (failure !== undefined) throw new RuntimeError('pull-failed', failure);
    options.onProgress('pulled');
    this.#images.add(reference);
    return this.#image(reference);
  }

  async listImages(): Promise<ImageRecord[]> {
    this.#check();
    return [...this.#images].sort().map((reference) => this.#image(reference));
  }

  async removeImage(id: string): Promise<void> {
    this.#check();
    const isUsed = [...this.#containers.values()].some(({ record }) => record.imageId === id);
    if (isUsed) throw new RuntimeError('conflict', `a container uses ${id}`);
    this.#images.delete(id.replace('sha256:', ''));
  }

  async exportImage(id: string): Promise<ImageExport> {
    this.#check();
    const reference = id.replace('sha256:', '');
    if (!this.#images.has(reference)) throw new RuntimeError('not-found', `no image ${id}`);
    const bytes = Buffer.alloc(EXPORT_BYTES, `${reference}\n`);
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let start = 0; start < bytes.length; start += EXPORT_CHUNK_BYTES) {
        yield bytes.subarray(start, start + EXPORT_CHUNK_BYTES);
      }
    }
    return { version: `${id} 1`, sizeBytes: bytes.length, chunks: chunks() };
  }

  /** The whole archive must be that of the image: a missing or doubled piece is seen. */
  async importImage(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageRecord> {
    this.#check();
    const received: Uint8Array[] = [];
    for await (const chunk of archive) received.push(chunk);
    this.#check();
    const { reference, imageId } = options;
    const isRight = Buffer.concat(received).equals(Buffer.alloc(EXPORT_BYTES, `${reference}\n`));
    if (!isRight || (imageId !== undefined && imageId !== `sha256:${reference}`)) {
      throw new RuntimeError('invalid', `this is not ${reference}`);
    }
    this.#images.add(reference);
    return this.#image(reference);
  }

  #check(): void {
    if (!this.#available) throw new RuntimeError('unavailable', 'the engine is down');
  }

  #hasImage(reference: string): boolean {
    if (this.#options.pullMs === undefined && !this.#failingPulls.has(reference)) this.#images.add(reference);
    return this.#images.has(reference);
  }

  #image(reference: string): ImageRecord {
    const architecture = this.#options.architecture ?? 'arm64';
    const sizes = { sizeBytes: 1_000_000, operatingSystem: 'linux', architecture, user: '' };
    return { id: `sha256:${reference}`, references: [reference], digests: [], ...sizes };
  }

  #container(id: string): FakeContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new RuntimeError('not-found', `no container ${id}`);
    return container;
  }

  #begin(container: FakeContainer): void {
    const { plan, record } = container;
    const startedAtMs = this.#options.clock.nowMs();
    this.starts += 1;
    container.record = { ...record, state: 'running', startedAtMs, exit: undefined };
    container.log.push(...(plan.output ?? []).map((line) => ({ line, atMs: startedAtMs })));
    if (plan.runForMs !== undefined) {
      container.timer = this.#options.clock.after(plan.runForMs, () => this.crash(record.id, plan.exitCode ?? 0));
    }
    this.#notify(record.id, record.pod.uid);
    this.#options.onStart?.(container.record);
  }

  #end(container: FakeContainer, code: number, startError?: string): void {
    container.timer?.cancel();
    const exit = {
      code,
      signal: code > 128 ? code - 128 : 0,
      finishedAtMs: this.#options.clock.nowMs(),
      oomKilled: container.plan.oomKilled ?? false,
      startFailed: startError !== undefined,
      message: startError ?? '',
    };
    container.record = { ...container.record, state: 'exited', exit };
    container.ended.resolve();
    this.#notify(container.record.id, container.record.pod.uid);
  }

  #notify(containerId: string, podUid: string): void {
    for (const notify of this.#subscribers) notify({ containerId, podUid });
  }
}

function amountsOf({ resources }: ContainerConfig): ContainerAmounts {
  const { cpuShares, cpuLimitMillis, memoryLimitBytes } = resources;
  return { cpuShares, cpuLimitMillis, memoryLimitBytes };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function streamOf(text: string): ContainerStream {
  return {
    output: (async function* () {
      if (text !== '') yield { stream: 'stdout' as const, bytes: Buffer.from(text) };
    })(),
    write: async () => undefined,
    endInput: () => undefined,
    resize: async () => undefined,
    close: () => undefined,
  };
}
