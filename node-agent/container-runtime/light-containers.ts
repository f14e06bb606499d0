/**
 * Containers of sandboxes that have none of their own. The first that runs holds the namespaces: it is made without a network and
 * its program waits behind a gate until the node has made its port. Whoever comes while one runs joins that one, so that people
 * who look into a pod that crashes again and again see its network. A run that ends takes the port with it; the next one
 * gets the same addresses.
 */
import { readlink } from 'node:fs/promises';
import { parseIp, parseRange, rangeContains } from '../../shared/machinery/ip-range.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { ContainerDetails, ContainerSummary, CreateOptions, DockerClient } from './docker-client.ts';
import { renderContainer, renderHolder, type SharedNamespaces } from './docker-config.ts';
import { isRuntimeError } from './docker-errors.ts';
import type { DockerImages } from './docker-images.ts';
import { LABEL, type Labels } from './docker-labels.ts';
import { recordAddresses, START_FAILED_CODE } from './docker-records.ts';
import { Gate } from './gate.ts';
import { GATE_PROGRAM, renderGateArguments } from './gate-binary.ts';
import type { LightSandbox, LightSandboxes } from './light-sandboxes.ts';
import { type PodPorts, portName } from './pod-network-door.ts';
import { computeCandidates, computeProgram, describeRefusal, type ImageProgram } from './program.ts';
import { type ContainerConfig, type ContainerRecord, RuntimeError, type SandboxRecord } from './runtime.ts';
import { isProcessOf } from './sandbox-files.ts';

export interface LightContainersOptions {
  docker: DockerClient;
  images: DockerImages;
  node: string;
  sandboxes: LightSandboxes;
  ports: PodPorts;
  clock: Clock;
  /** Of the engine; rejects `start-failed` when it would not. */
  start(id: string): Promise<void>;
  /** Nothing ever came through a gate here, and this did not either: is it the machine? */
  onDoubt(sandbox: LightSandbox, why: string): Promise<void>;
}

/** With what a gate ends whose program the kernel refused; the reason lies in the sandbox's folder. */
const REFUSED_CODE = 127;

const NO_IMAGE: ImageProgram = { entrypoint: [], command: [], env: [] };

export class LightContainers {
  readonly #options: LightContainersOptions;
  /** Containers whose programs this agent holds behind a gate. */
  readonly #waiting = new Set<string>();
  /** Sandboxes in which nothing has been made yet, so that nobody runs there. */
  readonly #empty = new Set<string>();
  /** Sandboxes that never had a port. */
  readonly #portless = new Set<string>();
  #isProven = false;

  constructor(options: LightContainersOptions) {
    this.#options = options;
  }

  /** The sandbox was made just now. */
  welcome(sandboxId: string): void {
    this.#empty.add(sandboxId);
    this.#portless.add(sandboxId);
  }

  forget(sandboxId: string): void {
    this.#empty.delete(sandboxId);
    this.#portless.delete(sandboxId);
  }

  /** What the engine is asked for; `image` is its name of the image. */
  async render(sandbox: LightSandbox, config: ContainerConfig, image: string): Promise<CreateOptions> {
    const { node, sandboxes, images } = this.#options;
    const members = this.#empty.delete(sandbox.id) ? [] : await this.#running(sandbox.id);
    const host = members.find(({ Labels }) => isGated(Labels)) ?? members[0];
    if (host !== undefined) return renderContainer(node, sandbox.id, config, shareOf(sandbox, host));
    const theirs = isComplete(config) ? NO_IMAGE : await images.programOf(image);
    const program = computeProgram(config, theirs);
    const [name] = program;
    if (name === undefined) throw new RuntimeError('invalid', 'no command specified');
    const gateArguments = renderGateArguments(computeCandidates(name, config, theirs), []);
    return renderHolder(node, { sandbox, doorway: sandboxes.doorwayOf(sandbox.id), gateArguments, program }, config);
  }

  /** Whether a program came to its gate, and the node had made its port. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** Starts a container that holds a sandbox. Rejects with a RuntimeError: `start-failed` where it has ended by that. */
  async start(id: string, sandbox: LightSandbox): Promise<void> {
    const { docker, onDoubt } = this.#options;
    try {
      await this.#throughGate(id, sandbox);
    } catch (error) {
      if (isRuntimeError(error, 'unavailable')) throw error;
      // What waits for ever has not run: it is made again.
      if (!isRuntimeError(error, 'start-failed')) await docker.removeContainer(id);
      if (!this.#isProven) await onDoubt(sandbox, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  async #throughGate(id: string, sandbox: LightSandbox): Promise<void> {
    const { sandboxes, docker, clock, start } = this.#options;
    const gate = await Gate.listen(sandboxes.doorOf(sandbox.id), clock);
    this.#waiting.add(id);
    try {
      await start(id);
      const details = await docker.inspectContainer(id);
      await this.#attach(details, sandbox);
      const errno = await gate.open();
      this.#isProven = true;
      if (errno === 0) return;
      const message = describeRefusal(details.Config.Cmd?.[0] ?? '', errno);
      await sandboxes.noteFailure(sandbox.id, id, message);
      // Until then it looks like one whose agent has left it behind its gate.
      await docker.waitContainer(id);
      throw new RuntimeError('start-failed', message);
    } finally {
      this.#waiting.delete(id);
      await gate.close();
    }
  }

  /** The container as the kubelet shall see it; undefined: it is gone. */
  async see(details: ContainerDetails, record: ContainerRecord): Promise<ContainerRecord | undefined> {
    if (!isGated(details.Config.Labels)) return record;
    const { id, exit } = record;
    if (record.state === 'running' && !this.#waiting.has(id) && (await isBehindGate(details.State.Pid))) {
      // Its agent ended in the middle of the start: nothing of the container has run yet.
      await this.#options.docker.removeContainer(id);
      return undefined;
    }
    if (exit?.code !== REFUSED_CODE) return record;
    const message = await this.#options.sandboxes.failureOf(record.sandboxId, id);
    if (message === undefined) return record;
    return {
      ...record,
      startedAtMs: undefined,
      exit: { ...exit, code: START_FAILED_CODE, startFailed: true, message },
    };
  }

  /** A program behind a gate has not started, whatever the engine says. */
  asSeen(record: ContainerRecord): ContainerRecord {
    if (record.state !== 'running' || !this.#waiting.has(record.id)) return record;
    return { ...record, state: 'created', startedAtMs: undefined };
  }

  /** The sandboxes as the kubelet shall see them; `containers` are all of their pods. */
  async list(sandboxes: readonly LightSandbox[], containers: readonly ContainerRecord[]): Promise<SandboxRecord[]> {
    const running = Map.groupBy(containers, (record) => (record.state === 'running' ? record.sandboxId : ''));
    const busy = sandboxes.filter(({ id }) => running.has(id));
    const ports = busy.length === 0 ? new Set<string>() : await this.#options.ports.list();
    return Promise.all(
      sandboxes.map(async (sandbox) => {
        const [member] = running.get(sandbox.id) ?? [];
        const hasLost = member !== undefined && !ports.has(portName(sandbox.id)) && (await this.#stillRuns(member.id));
        return toRecord(sandbox, sandbox.isCurrent && !hasLost && this.#isOfNode(sandbox));
      }),
    );
  }

  /** Id of a process that runs in the sandbox. */
  async processIn(sandboxId: string): Promise<number | undefined> {
    const [member] = await this.#running(sandboxId);
    return member && ((await this.#options.docker.inspectContainer(member.Id)).State.Pid || undefined);
  }

  async #attach({ Id, State }: ContainerDetails, { id, addresses }: LightSandbox): Promise<void> {
    if (!State.Running) throw new RuntimeError('start-failed', State.Error || 'the container ended before its program');
    if (!(await isProcessOf(State.Pid, Id))) {
      throw new RuntimeError('failed', "the container's process is not on this machine");
    }
    const replaces = !this.#portless.delete(id);
    await this.#options.ports.attach({ name: portName(id), pid: State.Pid, addresses, replaces });
  }

  async #running(sandboxId: string): Promise<ContainerSummary[]> {
    const members = await this.#options.docker.listContainers([`${LABEL.sandboxId}=${sandboxId}`]);
    return members.filter(({ State }) => State === 'running');
  }

  /** The end of a container and that of its port are seen one after the other. */
  async #stillRuns(id: string): Promise<boolean> {
    try {
      return (await this.#options.docker.inspectContainer(id)).State.Running;
    } catch (error) {
      if (isRuntimeError(error, 'not-found')) return false;
      throw error;
    }
  }

  /** Its addresses are of the slice that the node has now; where that is not known, they are. */
  #isOfNode({ addresses }: LightSandbox): boolean {
    try {
      const ranges = this.#options.ports.subnets().flatMap((subnet) => parseRange(subnet) ?? []);
      return addresses.every((address) => {
        const ip = parseIp(address);
        return ip !== undefined && ranges.some((range) => rangeContains(range, ip));
      });
    } catch (error) {
      if (error instanceof RuntimeError) return true;
      throw error;
    }
  }
}

/** Whether the container's program is, or was, behind a gate. */
export function isGated(labels: Labels): boolean {
  return labels[LABEL.gate] === 'true';
}

function toRecord({ id, config, addresses, createdAtMs }: LightSandbox, isReady: boolean): SandboxRecord {
  const { pod, attempt, annotations } = config;
  const common = { id, pod, attempt, createdAtMs, annotations };
  if (!isReady) return { ...common, state: 'not-ready', ip: '' };
  return { ...common, state: 'ready', ...recordAddresses(addresses) };
}

/** Only who holds the namespaces has an IPC namespace that may be shared. */
function shareOf({ config }: LightSandbox, host: ContainerSummary): SharedNamespaces {
  const network = `container:${host.Id}`;
  if (config.hostIpc) return { network, ipc: 'host' };
  return { network, ipc: isGated(host.Labels) ? network : 'private' };
}

/** Whether it says itself what it runs, and where that is. */
function isComplete({ command = [], env }: ContainerConfig): boolean {
  const [name] = command;
  return name !== undefined && (name.includes('/') || env.some((variable) => variable.name === 'PATH'));
}

async function isBehindGate(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')) === GATE_PROGRAM;
}
