/**
 * The container runtime on a Docker engine. It keeps no state that matters: labels say what belongs to whom, names make
 * repeated creations collide, and what is cached here is only what Docker would answer again.
 */
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { CgroupReaderOptions } from './cgroup-stats.ts';
import { type ContainerDetails, type ContainerSummary, type CreateOptions, DockerClient } from './docker-client.ts';
import { renderAmounts, renderContainer } from './docker-config.ts';
import { isRuntimeError } from './docker-errors.ts';
import { openAttach, openExec } from './docker-exec.ts';
import { DockerImages } from './docker-images.ts';
import { LABEL, type Labels } from './docker-labels.ts';
import { isSandbox, parseContainer, parseInfo, readWrittenBytes } from './docker-records.ts';
import { DockerSandboxes } from './docker-sandboxes.ts';
import { readStats } from './docker-stats.ts';
import { demultiplex, jsonLines, plainOutput } from './docker-streams.ts';
import { isGated } from './light-containers.ts';
import { LightSandboxes } from './light-sandboxes.ts';
import type { PodNetworkDoor } from './pod-network-door.ts';
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
  type Mount,
  type PullOptions,
  RuntimeError,
  type RuntimeInfo,
  type RuntimeListing,
  type SandboxConfig,
} from './runtime.ts';
import { mountsOfSandboxFiles } from './sandbox-files.ts';

export interface DockerRuntimeOptions {
  /** `/run/docker.sock` */
  socketPath: string;
  /** Only what carries this node's label is ours: several agents may share one engine. */
  node: string;
  clock: Clock;
  logger: Logger;
  /** Docker network of pods; the engine's default bridge unless given. */
  podNetwork?: PodNetworkDoor;
  /** Where the kernel shows cgroups. */
  cgroupRoot?: string;
  /** Folder for sandboxes without a container of their own; absent: each has one. */
  sandboxRoot?: string;
}

/** Events that change what `list` answers. Nobody but us creates containers of ours, and we look after each. */
const EVENTS = ['start', 'die', 'destroy', 'oom', 'rename', 'pause', 'unpause', 'update'];

const SIGKILL = 9;

/** Inspections under way at a time. */
const MAX_PARALLEL_INSPECTS = 8;

export class DockerRuntime implements ContainerRuntime {
  readonly #options: DockerRuntimeOptions;
  readonly #docker: DockerClient;
  readonly #images: DockerImages;
  readonly #sandboxes: DockerSandboxes;
  /** Inspected records by id, with the state that the list showed; dropped when an event or the list says otherwise. */
  readonly #inspected = new Map<string, { state: string; record: ContainerRecord | undefined }>();
  /** Containers of which the kernel told that they were short of memory. */
  readonly #shortOfMemory = new Set<string>();
  /** Made and not started yet: the sandbox whose namespaces each will hold, empty for a sandbox with a container of its own. */
  readonly #holds = new Map<string, string>();
  /** Under way, by reference. */
  readonly #imageLooks = new Map<string, Promise<ImageRecord | undefined>>();
  #cgroup: CgroupReaderOptions | undefined;

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.#docker = new DockerClient(options);
    this.#images = new DockerImages(this.#docker);
    const { podNetwork, sandboxRoot: root, clock } = options;
    const start = (id: string): Promise<void> => this.#start(id);
    const [docker, images] = [this.#docker, this.#images];
    const light = root === undefined ? undefined : new LightSandboxes({ root, clock });
    this.#sandboxes = new DockerSandboxes({ ...options, docker, images, start, podNetwork, light });
  }

  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    return parseInfo(await this.#docker.info(signal));
  }

  prepare(): Promise<void> {
    return this.#sandboxes.prepare();
  }

  async list(filter?: { podUid: string }): Promise<RuntimeListing> {
    const own = `${LABEL.node}=${this.#options.node}`;
    const summaries = await this.#docker.listContainers(filter ? [own, `${LABEL.podUid}=${filter.podUid}`] : [own]);
    if (filter === undefined) this.#forgetAllBut(new Set(summaries.map((summary) => summary.Id)));
    const records = await this.#inspectAll(summaries.filter((summary) => !isSandbox(summary)));
    const { members } = this.#sandboxes;
    const containers = members === undefined ? records : records.map((record) => members.asSeen(record));
    return {
      sandboxes: [
        ...(await this.#sandboxes.parse(summaries.filter(isSandbox))),
        ...(await this.#sandboxes.listLight(containers, filter?.podUid)),
      ],
      containers,
    };
  }

  runSandbox(config: SandboxConfig): Promise<string> {
    return this.#sandboxes.run(config);
  }

  async removeSandbox(id: string): Promise<void> {
    const members = await this.#docker.listContainers([`${LABEL.sandboxId}=${id}`]);
    const running = members.filter((member) => member.State === 'running');
    await Promise.all(running.map((member) => this.#docker.stopContainer(member.Id, 0)));
    await this.#sandboxes.remove(id);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const oomScoreAdj = await this.#sandboxes.grantedOomScore(sandboxId, config.resources.oomScoreAdj);
    const resources = { ...config.resources, oomScoreAdj };
    const mounts = [...(await this.#sandboxMounts(sandboxId, config)), ...config.mounts];
    const image = (await this.#images.engineName(config.image)) ?? config.image;
    try {
      const options = await this.#render(sandboxId, { ...config, resources, mounts }, image);
      const { id, isNew } = await this.#sandboxes.createOrAdopt({ ...options, Image: image });
      // One that was there already may have been made otherwise.
      if (isNew) this.#holds.set(id, heldBy(options.Labels ?? {}));
      return id;
    } catch (error) {
      // Docker answers 404 for the image and for the sandbox alike.
      if (!isRuntimeError(error, 'not-found') || (await this.#images.status(config.image)) !== undefined) throw error;
      throw new RuntimeError('image-not-found', `the image ${config.image} is not on this node`);
    }
  }

  async startContainer(id: string): Promise<void> {
    const sandboxId = this.#holds.get(id) ?? (await this.#findHeld(id));
    this.#holds.delete(id);
    if (sandboxId === '') return this.#start(id);
    const sandbox = await this.#sandboxes.light(sandboxId);
    if (sandbox === undefined) throw new RuntimeError('not-found', `the sandbox ${sandboxId} is gone`);
    await this.#sandboxes.members?.start(id, sandbox).finally(() => this.#inspected.delete(id));
  }

  /** Of a container that somebody else made: one that runs needs no gate any more. */
  async #findHeld(id: string): Promise<string> {
    const { Config, State } = await this.#docker.inspectContainer(id);
    return State.Running ? '' : heldBy(Config.Labels);
  }

  async #start(id: string): Promise<void> {
    this.#inspected.delete(id);
    try {
      await this.#docker.startContainer(id);
    } catch (error) {
      if (isRuntimeError(error, 'unavailable')) throw error;
      // 404 may mean the container or the program in it: only the former is gone.
      await this.#docker.inspectContainer(id);
      throw new RuntimeError('start-failed', error instanceof Error ? error.message : String(error));
    }
  }

  async updateContainer(id: string, amounts: ContainerAmounts): Promise<void> {
    await this.#docker.updateContainer(id, renderAmounts(amounts));
    this.#inspected.delete(id);
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#docker.stopContainer(id, graceSeconds);
    this.#inspected.delete(id);
  }

  async removeContainer(id: string): Promise<void> {
    await this.#docker.removeContainer(id);
    this.#inspected.delete(id);
  }

  async *logs(id: string, options: LogOptions): AsyncGenerator<LogChunk> {
    const { follow, timestamps, tailLines, sinceMs, signal } = options;
    const { Config } = await this.#docker.inspectContainer(id);
    const tail = tailLines === undefined ? 'all' : String(tailLines);
    const since = sinceMs === undefined ? '0' : (sinceMs / 1000).toFixed(3);
    try {
      // Leaving the loop early destroys the stream, which ends the request.
      const stream = await this.#docker.logs(id, { follow, timestamps, tail, since, signal });
      yield* Config.Tty ? plainOutput(stream) : demultiplex(stream);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  exec(id: string, options: ExecOptions): Promise<ExecSession> {
    return openExec(this.#docker, this.#options.clock, id, options);
  }

  async attach(id: string, options: { stdin: boolean }): Promise<ContainerStream> {
    const { Config } = await this.#docker.inspectContainer(id);
    const { OpenStdin, StdinOnce, Tty } = Config;
    return openAttach(this.#docker, id, { stdin: options.stdin && OpenStdin, stdinOnce: StdinOnce, tty: Tty });
  }

  async processOf(id: string): Promise<number | undefined> {
    if ((await this.#sandboxes.light(id)) !== undefined) return this.#sandboxes.members?.processIn(id);
    return (await this.#docker.inspectContainer(id)).State.Pid || undefined;
  }

  async stats(ids: readonly string[]): Promise<ContainerStats[]> {
    return readStats(this.#docker, await this.#cgroupReader(), ids, this.#options.clock.nowMs());
  }

  async writtenBytes(): Promise<ReadonlyMap<string, number>> {
    const summaries = await this.#docker.measureContainers([`${LABEL.node}=${this.#options.node}`]);
    return new Map(summaries.map((summary) => [summary.Id, readWrittenBytes(summary)]));
  }

  async *events(signal: AbortSignal): AsyncGenerator<{ containerId: string; podUid: string }> {
    const filters = { type: ['container'], event: EVENTS, label: [`${LABEL.node}=${this.#options.node}`] };
    const stream = await this.#docker.events(filters, signal);
    // Whatever happened while nobody listened was not heard.
    this.#inspected.clear();
    try {
      for await (const event of jsonLines(stream)) {
        const hint = parseEvent(event);
        if (hint === undefined) continue;
        this.#inspected.delete(hint.containerId);
        if (hint.action === 'oom') this.#shortOfMemory.add(hint.containerId);
        yield { containerId: hint.containerId, podUid: hint.podUid };
      }
    } catch (error) {
      if (!signal.aborted)
        throw new RuntimeError('unavailable', `the Docker engine ended its events: ${String(error)}`);
    } finally {
      this.#inspected.clear();
      stream.destroy();
    }
  }

  /** Many pods that come at once ask once. */
  imageStatus(reference: string): Promise<ImageRecord | undefined> {
    const known = this.#imageLooks.get(reference);
    if (known !== undefined) return known;
    const look = this.#images.status(reference).finally(() => this.#imageLooks.delete(reference));
    this.#imageLooks.set(reference, look);
    return look;
  }

  pullImage(reference: string, options: PullOptions): Promise<ImageRecord> {
    return this.#images.pull(reference, options);
  }

  listImages(): Promise<ImageRecord[]> {
    return this.#images.list();
  }

  removeImage(id: string): Promise<void> {
    return this.#images.remove(id);
  }

  exportImage(id: string, signal: AbortSignal): Promise<ImageExport> {
    return this.#images.export(id, signal);
  }

  importImage(archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageRecord> {
    return this.#images.import(archive, options);
  }

  async #render(sandboxId: string, config: ContainerConfig, image: string): Promise<CreateOptions> {
    const { members } = this.#sandboxes;
    const light = await this.#sandboxes.light(sandboxId);
    if (members === undefined || light === undefined) return renderContainer(this.#options.node, sandboxId, config);
    return members.render(light, config, image);
  }

  async #sandboxMounts(sandboxId: string, { mounts, security }: ContainerConfig): Promise<Mount[]> {
    const folder = await this.#sandboxes.folderOf(sandboxId);
    return folder === undefined ? [] : mountsOfSandboxFiles(folder, mounts, security.readOnlyRootFilesystem);
  }

  async #inspectAll(summaries: readonly ContainerSummary[]): Promise<ContainerRecord[]> {
    const records: ContainerRecord[] = [];
    for (let start = 0; start < summaries.length; start += MAX_PARALLEL_INSPECTS) {
      const slice = summaries.slice(start, start + MAX_PARALLEL_INSPECTS);
      const found = await Promise.all(slice.map((summary) => this.#inspect(summary)));
      records.push(...found.flatMap((record) => record ?? []));
    }
    return records;
  }

  async #inspect({ Id, State }: ContainerSummary): Promise<ContainerRecord | undefined> {
    const cached = this.#inspected.get(Id);
    if (cached?.state === State) return cached.record;
    try {
      const details = await this.#docker.inspectContainer(Id);
      const parsed = this.#completeExit(parseContainer(details));
      const record = parsed && (await this.#see(details, parsed));
      this.#inspected.set(Id, { state: details.State.Status, record });
      return record;
    } catch (error) {
      // Removed between the list and now.
      if (isRuntimeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async #see(details: ContainerDetails, record: ContainerRecord): Promise<ContainerRecord | undefined> {
    const { members } = this.#sandboxes;
    return members === undefined ? record : members.see(details, record);
  }

  /** The engine notes a want of memory only where it hears of it before it hears of the end; its event comes either way. */
  #completeExit(record: ContainerRecord | undefined): ContainerRecord | undefined {
    if (record?.exit?.signal !== SIGKILL || !this.#shortOfMemory.has(record.id)) return record;
    return { ...record, exit: { ...record.exit, oomKilled: true } };
  }

  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const known of [this.#inspected, this.#shortOfMemory, this.#holds]) {
      for (const id of [...known.keys()]) if (!ids.has(id)) known.delete(id);
    }
    this.#sandboxes.forgetAllBut(ids);
  }

  async #cgroupReader(): Promise<CgroupReaderOptions> {
    if (this.#cgroup === undefined) {
      const { cgroupDriver, cgroupVersion } = await this.info();
      const driver = cgroupDriver === 'systemd' ? 'systemd' : 'cgroupfs';
      this.#cgroup = { root: this.#options.cgroupRoot ?? '/sys/fs/cgroup', driver, version: cgroupVersion };
    }
    return this.#cgroup;
  }
}

/** Id of the sandbox whose namespaces the container holds; empty: none. */
function heldBy(labels: Labels): string {
  return isGated(labels) ? (labels[LABEL.sandboxId] ?? '') : '';
}

/** Docker's container event: `{"Action": "die", "Actor": {"ID": …, "Attributes": labels}}`. */
function parseEvent(event: unknown): { containerId: string; podUid: string; action: string } | undefined {
  if (typeof event !== 'object' || event === null || !('Actor' in event)) return undefined;
  const { Actor: actor } = event;
  if (typeof actor !== 'object' || actor === null || !('ID' in actor) || !('Attributes' in actor)) return undefined;
  const labels = Object(actor.Attributes);
  const action = 'Action' in event ? String(event.Action) : '';
  return { containerId: String(actor.ID), podUid: String(labels[LABEL.podUid] ?? ''), action };
}
