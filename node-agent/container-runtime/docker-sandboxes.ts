/**
 * Sandboxes of pods on a Docker engine. Where the node can make the port of a sandbox itself it does, because the engine's way
 * costs two thirds of a start: two helper programs, a resolver and its rules. A sandbox whose port does not stand is not ready.
 */
import { dirname } from 'node:path';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { ContainerSummary, CreateOptions, DockerClient } from './docker-client.ts';
import { renderSandbox, SANDBOX_OOM_SCORE_ADJ, type SandboxContext } from './docker-config.ts';
import { isRuntimeError } from './docker-errors.ts';
import type { DockerImages } from './docker-images.ts';
import { isSameIdentity, LABEL, parseIdentity, readAddresses, SANDBOX_NAME } from './docker-labels.ts';
import { parseSandbox } from './docker-records.ts';
import { mayLowerOomScore } from './engine-rights.ts';
import { LightContainers } from './light-containers.ts';
import { LightPermission } from './light-permission.ts';
import type { LightSandbox, LightSandboxes } from './light-sandboxes.ts';
import { type AddressLease, PodAddresses } from './pod-addresses.ts';
import { type PodNetworkDoor, type PodPorts, portName } from './pod-network-door.ts';
import { type ContainerRecord, RuntimeError, type SandboxConfig, type SandboxRecord } from './runtime.ts';
import { isProcessOf, writeSandboxFiles } from './sandbox-files.ts';
import { renderResolvConf, writeResolvConf } from './sandbox-resolver.ts';

export interface DockerSandboxesOptions {
  docker: DockerClient;
  socketPath: string;
  /** Rejects `start-failed` when the engine would not. */
  start(id: string): Promise<void>;
  images: DockerImages;
  node: string;
  logger: Logger;
  podNetwork: PodNetworkDoor | undefined;
  /** Absent: each sandbox has a container of its own. */
  light?: LightSandboxes | undefined;
  clock: Clock;
}

export interface Made {
  id: string;
  /** false: it was there already, from an earlier creation that nobody heard the end of. */
  isNew: boolean;
}

/** What the machine lets us do is learned from the first sandbox. */
type Permission = 'unknown' | 'granted' | 'refused';

const DEFAULT_NETWORK: PodNetworkDoor = { name: () => 'bridge', onSandbox: async () => undefined };

export class DockerSandboxes {
  readonly #options: DockerSandboxesOptions;
  readonly #addresses: PodAddresses;
  readonly #members: LightContainers | undefined;
  readonly #permission: LightPermission | undefined;
  /** Folder of the files of each sandbox that was met; undefined: they are the engine's. */
  readonly #folders = new Map<string, string | undefined>();
  /** Whether the engine may lower oom_score_adj. */
  #negativeOomScore: Permission = 'unknown';
  /** Whether the node can make ports. */
  #ownPorts: Permission = 'unknown';

  constructor(options: DockerSandboxesOptions) {
    this.#options = options;
    this.#addresses = new PodAddresses(() => this.#listTaken());
    const { light: sandboxes, podNetwork } = options;
    if (sandboxes !== undefined && podNetwork?.ports !== undefined) {
      const permission = new LightPermission({ ...options, sandboxes });
      const onDoubt = (sandbox: LightSandbox, why: string): Promise<void> => {
        permission.doubt(sandbox, why);
        return this.remove(sandbox.id);
      };
      this.#permission = permission;
      this.#members = new LightContainers({ ...options, sandboxes, ports: podNetwork.ports, onDoubt });
    }
  }

  /** What the first sandbox would otherwise wait for, or fail to learn. */
  async prepare(): Promise<void> {
    await this.#learnOomScore();
    await Promise.all([this.#permission?.prepare(), this.#options.images.ensurePause()]);
  }

  async run(config: SandboxConfig): Promise<string> {
    const light = await this.#runLight(config);
    if (light !== undefined) return light;
    const wanted = this.#negativeOomScore === 'refused' ? 0 : SANDBOX_OOM_SCORE_ADJ;
    try {
      const { id, isNew } = await this.#createAndStart(config, wanted);
      if (wanted < 0 && isNew) this.#negativeOomScore = 'granted';
      return id;
    } catch (error) {
      if (wanted === 0 || this.#negativeOomScore === 'granted' || !isRuntimeError(error, 'start-failed')) throw error;
      const { id } = await this.#createAndStart(config, 0);
      this.#refuseNegativeOomScore();
      return id;
    }
  }

  /** Sandboxes among what the engine listed. */
  async parse(summaries: readonly ContainerSummary[]): Promise<SandboxRecord[]> {
    const hasOwnPort = ({ State, Labels }: ContainerSummary): boolean =>
      State === 'running' && readAddresses(Labels).length > 0;
    const ports = summaries.some(hasOwnPort) ? await this.#options.podNetwork?.ports?.list() : undefined;
    return summaries.flatMap((summary): SandboxRecord[] => {
      const record = parseSandbox(summary);
      if (record === undefined) return [];
      if (!hasOwnPort(summary) || ports?.has(portName(summary.Id))) return [record];
      const { otherIp: _, ...lost } = record;
      return [{ ...lost, state: 'not-ready', ip: '' }];
    });
  }

  /** Sandboxes without containers of their own; `containers` are all of this node, or of that pod. */
  async listLight(containers: readonly ContainerRecord[], podUid: string | undefined): Promise<SandboxRecord[]> {
    const all = (await this.#options.light?.all()) ?? [];
    return (
      this.#members?.list(
        all.filter(({ config }) => podUid === undefined || config.pod.uid === podUid),
        containers,
      ) ?? []
    );
  }

  /** undefined: it has a container of its own, or is gone. */
  async light(id: string): Promise<LightSandbox | undefined> {
    return this.#options.light?.get(id);
  }

  /** Containers of sandboxes without one of their own. */
  get members(): LightContainers | undefined {
    return this.#members;
  }

  /** When nothing runs in it any more; a missing one is fine. */
  async remove(id: string): Promise<void> {
    const { docker, light } = this.#options;
    if ((await this.light(id)) === undefined) await docker.removeContainer(id);
    else await light?.remove(id);
    this.#members?.forget(id);
    this.#folders.delete(id);
  }

  /** Folder with the files that its containers share; undefined: the engine cares for them. */
  async folderOf(id: string): Promise<string | undefined> {
    const light = await this.light(id);
    if (light !== undefined) return light.folder;
    if (this.#options.podNetwork?.ports === undefined) return undefined;
    if (!this.#folders.has(id)) {
      const { Config, HostnamePath } = await this.#options.docker.inspectContainer(id);
      this.#folders.set(id, readAddresses(Config.Labels).length > 0 ? dirname(HostnamePath) : undefined);
    }
    return this.#folders.get(id);
  }

  forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of [...this.#folders.keys()]) if (!ids.has(id)) this.#folders.delete(id);
  }

  async grantedOomScore(sandboxId: string, wanted: number): Promise<number> {
    if (wanted >= 0) return wanted;
    await this.#learnOomScore();
    if (this.#negativeOomScore === 'unknown' && (await this.light(sandboxId)) === undefined) {
      const { HostConfig } = await this.#options.docker.inspectContainer(sandboxId);
      if ((HostConfig.OomScoreAdj ?? 0) < 0) this.#negativeOomScore = 'granted';
      else this.#refuseNegativeOomScore();
    }
    return this.#negativeOomScore === 'granted' ? wanted : 0;
  }

  /** A name that is taken by the very container that we want means that an earlier creation went through. */
  async createOrAdopt(options: CreateOptions): Promise<Made> {
    const { docker } = this.#options;
    try {
      return { id: await docker.createContainer(options), isNew: true };
    } catch (error) {
      if (!isRuntimeError(error, 'conflict')) throw error;
      const present = await docker.inspectContainer(options.name ?? '');
      const theirs = parseIdentity(present.Config.Labels);
      const ours = parseIdentity(options.Labels ?? {});
      if (theirs !== undefined && ours !== undefined && isSameIdentity(theirs, ours)) {
        return { id: present.Id, isNew: false };
      }
      throw new RuntimeError('conflict', `the container name ${options.name} is taken by a container that is not ours`);
    }
  }

  /** undefined: this one needs a container of its own. */
  async #runLight(config: SandboxConfig): Promise<string | undefined> {
    const { podNetwork, light } = this.#options;
    const members = this.#members;
    if (light === undefined || members === undefined || podNetwork?.ports === undefined) return undefined;
    await this.#learnOomScore();
    if (this.#ownPorts === 'refused' || this.#negativeOomScore === 'unknown') return undefined;
    if (!(await this.#permission?.mayServe(config))) return undefined;
    const network = podNetwork.name();
    const lease = await this.#lease(podNetwork.ports);
    try {
      const { id } = await light.run(config, network, lease.addresses);
      members.welcome(id);
      return id;
    } catch (error) {
      throw new RuntimeError('failed', `the folder of the sandbox could not be made: ${String(error)}`);
    } finally {
      lease.settle();
    }
  }

  async #learnOomScore(): Promise<void> {
    if (this.#negativeOomScore !== 'unknown') return;
    const may = await mayLowerOomScore(this.#options.socketPath);
    if (may === false) this.#refuseNegativeOomScore();
    else if (may === true) this.#negativeOomScore = 'granted';
  }

  async #createAndStart(config: SandboxConfig, oomScoreAdj: number): Promise<Made> {
    const { node, podNetwork = DEFAULT_NETWORK, logger } = this.#options;
    const network = config.hostNetwork ? '' : podNetwork.name();
    const ports = config.hostNetwork || this.#ownPorts === 'refused' ? undefined : podNetwork.ports;
    const lease = await this.#lease(ports);
    const context = { node, network, oomScoreAdj, addresses: lease.addresses };
    try {
      // Ports of the node are opened by the engine, on a network that it has joined the sandbox to.
      if (ports === undefined || config.ports.length > 0) return await this.#runOnEngine(config, context);
      try {
        return await this.#runOnPort(config, context, ports);
      } catch (error) {
        if (!(error instanceof NoPortError)) throw error;
        logger.warn('the port of a pod could not be made: the engine joins it', { why: error.message });
        if (this.#ownPorts === 'unknown' && !this.#members?.isProven) this.#ownPorts = 'refused';
        return await this.#runOnEngine(config, context);
      }
    } finally {
      lease.settle();
    }
  }

  async #lease(ports: PodPorts | undefined): Promise<AddressLease> {
    return ports === undefined ? NO_LEASE : this.#addresses.take(ports.subnets());
  }

  async #runOnEngine(config: SandboxConfig, context: SandboxContext): Promise<Made> {
    const { podNetwork = DEFAULT_NETWORK, start } = this.#options;
    const made = await this.#create(renderSandbox(config, context));
    return this.#orRemove(made, async () => {
      await start(made.id);
      this.#folders.set(made.id, undefined);
      if (config.hostNetwork) return;
      await podNetwork.onSandbox();
      await this.#giveResolver(made.id, config.dns);
    });
  }

  async #runOnPort(config: SandboxConfig, context: SandboxContext, ports: PodPorts): Promise<Made> {
    const { docker, start } = this.#options;
    const options = renderSandbox(config, { ...context, hasOwnPort: true });
    let made = await this.#create(options);
    if (!made.isNew) {
      if ((await ports.list()).has(portName(made.id))) return made;
      // Half made in an earlier life, perhaps with other addresses.
      await docker.removeContainer(made.id);
      made = await this.#create(options);
    }
    const { id } = made;
    const { addresses = [] } = context;
    return this.#orRemove(made, async () => {
      await start(id);
      const { pid, folder } = await this.#findProcess(id);
      // The port comes last: a sandbox whose port stands has everything.
      await writeSandboxFiles(folder, config, addresses);
      this.#folders.set(id, folder);
      await ports.attach({ name: portName(id), pid, addresses }).catch(asNoPort);
      this.#ownPorts = 'granted';
    });
  }

  /** An engine on another machine, or behind another process namespace, tells of processes that are not here. */
  async #findProcess(id: string): Promise<{ pid: number; folder: string }> {
    const { State, HostnamePath } = await this.#options.docker.inspectContainer(id);
    if (!State.Running) throw new RuntimeError('start-failed', `the sandbox has ended: ${State.Error}`);
    const isHere = HostnamePath !== '' && (await isProcessOf(State.Pid, id));
    if (isHere) return { pid: State.Pid, folder: dirname(HostnamePath) };
    throw new NoPortError("the sandbox's process is not on this machine");
  }

  async #orRemove(made: Made, finish: () => Promise<void>): Promise<Made> {
    try {
      await finish();
      return made;
    } catch (error) {
      this.#folders.delete(made.id);
      await this.#options.docker.removeContainer(made.id);
      throw error;
    }
  }

  /** The sandbox's own image is there but for the first time, or somebody has removed it. */
  async #create(options: CreateOptions): Promise<Made> {
    try {
      return await this.createOrAdopt(options);
    } catch (error) {
      if (!isRuntimeError(error, 'not-found')) throw error;
      await this.#options.images.ensurePause();
      return this.createOrAdopt(options);
    }
  }

  /** Before anything runs in the sandbox. */
  async #giveResolver(id: string, dns: SandboxConfig['dns']): Promise<void> {
    if (dns === undefined || dns.servers.length === 0) return;
    const { docker, logger } = this.#options;
    const { ResolvConfPath } = await docker.inspectContainer(id);
    const isWritten = ResolvConfPath ? await writeResolvConf(ResolvConfPath, renderResolvConf(dns)) : false;
    if (!isWritten) logger.debug("pods ask for names by way of the engine's resolver", { sandbox: id });
  }

  async #listTaken(): Promise<ReadonlySet<string>> {
    const { docker, node } = this.#options;
    const sandboxes = await docker.listContainers([`${LABEL.node}=${node}`, `${LABEL.containerName}=${SANDBOX_NAME}`]);
    const light = (await this.#options.light?.all()) ?? [];
    return new Set([
      ...light.flatMap(({ addresses }) => addresses),
      ...sandboxes.flatMap(({ Labels, NetworkSettings }) => [
        ...readAddresses(Labels),
        ...Object.values(NetworkSettings?.Networks ?? {}).flatMap((one) => [one.IPAddress, one.GlobalIPv6Address]),
      ]),
    ]);
  }

  #refuseNegativeOomScore(): void {
    if (this.#negativeOomScore === 'refused') return;
    this.#negativeOomScore = 'refused';
    this.#options.logger.warn(
      'this machine lets nobody lower oom_score_adj: pods run without protection from the OOM killer',
    );
  }
}

const NO_LEASE: AddressLease = { addresses: [], settle: () => undefined };

/** The node cannot make a port; the engine may. */
class NoPortError extends Error {}

function asNoPort(error: unknown): never {
  throw new NoPortError(error instanceof Error ? error.message : String(error));
}
