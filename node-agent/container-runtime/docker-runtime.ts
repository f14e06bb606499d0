/**
 * The container runtime on a Docker engine. It keeps no state that matters: labels say what belongs to whom, names make
 * repeated creations collide, and what is cached here is only what Docker would answer again.
 */
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { CgroupReaderOptions } from './cgroup-stats.ts';
import { type ContainerSummary, type CreateOptions, DockerClient } from './docker-client.ts';
import { renderAmounts, renderContainer, renderSandbox, SANDBOX_OOM_SCORE_ADJ } from './docker-config.ts';
import { isRuntimeError } from './docker-errors.ts';
import { openAttach, openExec } from './docker-exec.ts';
import { DockerImages } from './docker-images.ts';
import { isSameIdentity, LABEL, parseIdentity } from './docker-labels.ts';
import { isSandbox, parseContainer, parseInfo, parseSandbox, readWrittenBytes } from './docker-records.ts';
import { readStats } from './docker-stats.ts';
import { demultiplex, jsonLines, plainOutput } from './docker-streams.ts';
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
} from './runtime.ts';
import { renderResolvConf, writeResolvConf } from './sandbox-resolver.ts';

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
}

/** Where pods get their network from. */
export interface PodNetworkDoor {
  /** Throws a RuntimeError that says why while there is none. */
  name(): string;
  /** A sandbox on it has been started, and nothing runs in it yet. */
  onSandbox(): Promise<void>;
}

const DEFAULT_NETWORK: PodNetworkDoor = { name: () => 'bridge', onSandbox: async () => undefined };

interface Made {
  id: string;
  /** false: it was there already, from an earlier creation that nobody heard the end of. */
  isNew: boolean;
}

/** Events that change what `list` answers. */
const EVENTS = ['create', 'start', 'die', 'destroy', 'oom', 'rename', 'pause', 'unpause', 'update'];

/** Inspections under way at a time. */
const MAX_PARALLEL_INSPECTS = 8;

export class DockerRuntime implements ContainerRuntime {
  readonly #options: DockerRuntimeOptions;
  readonly #docker: DockerClient;
  readonly #images: DockerImages;
  /** Inspected records by id, with the state that the list showed; dropped when an event or the list says otherwise. */
  readonly #inspected = new Map<string, { state: string; record: ContainerRecord | undefined }>();
  #cgroup: CgroupReaderOptions | undefined;
  /** Whether the machine lets the engine lower oom_score_adj; learned from the first sandbox. */
  #negativeOomScore: 'unknown' | 'granted' | 'refused' = 'unknown';

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.#docker = new DockerClient(options);
    this.#images = new DockerImages(this.#docker);
  }

  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    return parseInfo(await this.#docker.info(signal));
  }

  async list(filter?: { podUid: string }): Promise<RuntimeListing> {
    const own = `${LABEL.node}=${this.#options.node}`;
    const summaries = await this.#docker.listContainers(filter ? [own, `${LABEL.podUid}=${filter.podUid}`] : [own]);
    const containers = summaries.filter((summary) => !isSandbox(summary));
    if (filter === undefined) this.#forgetAllBut(new Set(containers.map((summary) => summary.Id)));
    return {
      sandboxes: summaries.filter(isSandbox).flatMap((summary) => parseSandbox(summary) ?? []),
      containers: await this.#inspectAll(containers),
    };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    const wanted = this.#negativeOomScore === 'refused' ? 0 : SANDBOX_OOM_SCORE_ADJ;
    try {
      const { id, isNew } = await this.#createAndStartSandbox(config, wanted);
      if (wanted < 0 && isNew) this.#negativeOomScore = 'granted';
      return id;
    } catch (error) {
      if (wanted === 0 || this.#negativeOomScore === 'granted' || !isRuntimeError(error, 'start-failed')) throw error;
      const { id } = await this.#createAndStartSandbox(config, 0);
      this.#refuseNegativeOomScore();
      return id;
    }
  }

  async removeSandbox(id: string): Promise<void> {
    const members = await this.#docker.listContainers([`${LABEL.sandboxId}=${id}`]);
    const running = members.filter((member) => member.State === 'running');
    await Promise.all(running.map((member) => this.#docker.stopContainer(member.Id, 0)));
    await this.#docker.removeContainer(id);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const oomScoreAdj = await this.#grantedOomScore(sandboxId, config.resources.oomScoreAdj);
    const resources = { ...config.resources, oomScoreAdj };
    const options = renderContainer(this.#options.node, sandboxId, { ...config, resources });
    options.Image = (await this.#images.engineName(config.image)) ?? config.image;
    try {
      return (await this.#createOrAdopt(options)).id;
    } catch (error) {
      // Docker answers 404 for the image and for the sandbox alike.
      if (!isRuntimeError(error, 'not-found') || (await this.imageStatus(config.image)) !== undefined) throw error;
      throw new RuntimeError('image-not-found', `the image ${config.image} is not on this node`);
    }
  }

  async startContainer(id: string): Promise<void> {
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
        yield hint;
      }
    } catch (error) {
      if (!signal.aborted)
        throw new RuntimeError('unavailable', `the Docker engine ended its events: ${String(error)}`);
    } finally {
      this.#inspected.clear();
      stream.destroy();
    }
  }

  imageStatus(reference: string): Promise<ImageRecord | undefined> {
    return this.#images.status(reference);
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

  async #createAndStartSandbox(config: SandboxConfig, oomScoreAdj: number): Promise<Made> {
    const { node, podNetwork = DEFAULT_NETWORK } = this.#options;
    const network = config.hostNetwork ? '' : podNetwork.name();
    const made = await this.#createSandbox(renderSandbox(config, { node, network, oomScoreAdj }));
    try {
      await this.startContainer(made.id);
      if (!config.hostNetwork) await podNetwork.onSandbox();
      if (!config.hostNetwork) await this.#giveResolver(made.id, config.dns);
      return made;
    } catch (error) {
      await this.#docker.removeContainer(made.id);
      throw error;
    }
  }

  /** Before anything runs in the sandbox. */
  async #giveResolver(id: string, dns: SandboxConfig['dns']): Promise<void> {
    if (dns === undefined || dns.servers.length === 0) return;
    const { ResolvConfPath } = await this.#docker.inspectContainer(id);
    const isWritten = ResolvConfPath ? await writeResolvConf(ResolvConfPath, renderResolvConf(dns)) : false;
    if (!isWritten) this.#options.logger.debug("pods ask for names by way of the engine's resolver", { sandbox: id });
  }

  /** The sandbox's own image is there but for the first time, or somebody has removed it. */
  async #createSandbox(options: CreateOptions): Promise<Made> {
    try {
      return await this.#createOrAdopt(options);
    } catch (error) {
      if (!isRuntimeError(error, 'not-found')) throw error;
      await this.#images.ensurePause();
      return this.#createOrAdopt(options);
    }
  }

  /** A name that is taken by the very container that we want means that an earlier creation went through. */
  async #createOrAdopt(options: CreateOptions): Promise<Made> {
    try {
      return { id: await this.#docker.createContainer(options), isNew: true };
    } catch (error) {
      if (!isRuntimeError(error, 'conflict')) throw error;
      const present = await this.#docker.inspectContainer(options.name ?? '');
      const theirs = parseIdentity(present.Config.Labels);
      const ours = parseIdentity(options.Labels ?? {});
      if (theirs !== undefined && ours !== undefined && isSameIdentity(theirs, ours)) {
        return { id: present.Id, isNew: false };
      }
      throw new RuntimeError('conflict', `the container name ${options.name} is taken by a container that is not ours`);
    }
  }

  async #grantedOomScore(sandboxId: string, wanted: number): Promise<number> {
    if (wanted >= 0) return wanted;
    if (this.#negativeOomScore === 'unknown') {
      const { HostConfig } = await this.#docker.inspectContainer(sandboxId);
      if ((HostConfig.OomScoreAdj ?? 0) < 0) this.#negativeOomScore = 'granted';
      else this.#refuseNegativeOomScore();
    }
    return this.#negativeOomScore === 'granted' ? wanted : 0;
  }

  #refuseNegativeOomScore(): void {
    if (this.#negativeOomScore === 'refused') return;
    this.#negativeOomScore = 'refused';
    this.#options.logger.warn(
      'this machine lets nobody lower oom_score_adj: pods run without protection from the OOM killer',
    );
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
      const record = parseContainer(details);
      this.#inspected.set(Id, { state: details.State.Status, record });
      return record;
    } catch (error) {
      // Removed between the list and now.
      if (isRuntimeError(error, 'not-found')) return undefined;
      throw error;
    }
  }

  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of [...this.#inspected.keys()]) if (!ids.has(id)) this.#inspected.delete(id);
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

/** Docker's container event: `{"id": …, "Actor": {"Attributes": labels}}`. */
function parseEvent(event: unknown): { containerId: string; podUid: string } | undefined {
  if (typeof event !== 'object' || event === null || !('Actor' in event)) return undefined;
  const { Actor: actor } = event;
  if (typeof actor !== 'object' || actor === null || !('ID' in actor) || !('Attributes' in actor)) return undefined;
  const labels = Object(actor.Attributes);
  return { containerId: String(actor.ID), podUid: String(labels[LABEL.podUid] ?? '') };
}
