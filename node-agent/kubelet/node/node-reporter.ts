/**
 * Keeps the node's own Node object true: registers it, and writes labels and status only when their content changed. Idle
 * boards write nothing: that they are alive is told by MQTT, not by heartbeats.
 */
import { NodeRef } from '../../../shared/api/kind-refs.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { BackoffPolicy } from '../../../shared/platform/backoff.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { ContainerRuntime, ImageRecord, RuntimeInfo } from '../../container-runtime/runtime.ts';
import type { Inventory, Sample, Sensors } from '../../sensors/sensors.ts';
import type { DeviceFacts } from '../devices/render-devices.ts';
import { RUNTIME_NOT_ASKED } from '../runtime-state.ts';
import type { Health } from './health-tracker.ts';
import {
  computeAnnotationChanges,
  computeLabelChanges,
  computeStatusChanges,
  renderStatusPatch,
  type StatusChanges,
} from './node-changes.ts';
import { renderConditionEvent } from './node-conditions.ts';
import {
  type NetworkReport,
  type NodeFacts,
  renderAllocatable,
  renderLabels,
  renderNode,
  renderNodeStatus,
} from './node-object.ts';

export interface NodeReporterOptions {
  node: string;
  client: Client;
  runtime: ContainerRuntime;
  sensors: Sensors;
  recorder: EventRecorder;
  /** How the board is, with hysteresis. */
  health(): Health;
  devices(): DeviceFacts;
  /** The Node's annotations: people name devices there. */
  onAnnotations(annotations: Readonly<Record<string, string>>): void;
  /** Where this node hands out images; 0 or absent: nowhere. */
  peerPort?(): number;
  /** Why the engine does not answer; undefined: it does. */
  runtimeProblem(): string | undefined;
  /** The board is being switched off. */
  isShuttingDown?(): boolean;
  /** The address by which the board is known on the LAN. */
  internalIp(): string;
  /** What the Node tells of its network; undefined: nothing. */
  network?(): NetworkReport | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Images and the engine are looked at this often; nothing is written when they are the same. */
const LOOK_INTERVAL_MS = 60_000;

/** The same status is not written more often than this. */
const REPEAT_MS = 10_000;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.3 };

export class NodeReporter implements Component {
  readonly #options: NodeReporterOptions;
  readonly #informer: Informer<Node>;
  readonly #controller: Controller;
  #inventory: Inventory | undefined;
  #sample: Sample | undefined;
  #runtime: RuntimeInfo | undefined;
  #images: ImageRecord[] = [];
  /** What was written last, and when: never fight about it at full speed. */
  #written: { changes: StatusChanges; atMs: number } | undefined;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
    const { client, clock, random, logger, node } = options;
    const scope = { fieldSelector: `metadata.name=${node}` };
    this.#informer = new Informer<Node>({ client, kind: NodeRef, scope, clock, random, logger });
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'node', reconcile, backoff: RETRY, clock, random, logger });
    this.#informer.onChange((_key, current) => {
      if (current !== undefined) options.onAnnotations(current.metadata.annotations ?? {});
      this.lookAgain();
    });
  }

  async start(): Promise<void> {
    this.#inventory = await this.#options.sensors.inventory();
    await startAll([this.#controller, this.#informer]);
    void this.#informer.whenSynced().then(() => this.lookAgain());
  }

  async stop(): Promise<void> {
    await stopAll([this.#controller, this.#informer]);
  }

  /** Something that the node tells of has changed. */
  lookAgain(): void {
    this.#controller.enqueue(this.#options.node);
  }

  /** Hears of readings; what turned with this one is told at once. */
  setSample(sample: Sample, hasTurned: boolean): void {
    const isFirst = this.#sample === undefined;
    this.#sample = sample;
    if (isFirst || hasTurned) this.lookAgain();
  }

  /** undefined before `start`. */
  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  /** undefined until it is registered. */
  get node(): Node | undefined {
    return this.#informer.get(this.#options.node);
  }

  memoryBytes(): number {
    return this.#inventory?.memoryBytes ?? 0;
  }

  allocatable(): Readonly<Record<string, string>> {
    const facts = this.#facts();
    return facts === undefined ? {} : renderAllocatable(facts);
  }

  async #reconcile(): Promise<ReconcileResult> {
    // Before the first list, a Node that is there would look missing; before the first sample, its disk would look gone.
    if (!this.#informer.hasSynced || this.#sample === undefined) return {};
    if (this.#options.runtimeProblem() === RUNTIME_NOT_ASKED) return {};
    await this.#askRuntime();
    const facts = this.#facts();
    const node = this.#informer.get(this.#options.node);
    if (facts === undefined) return {};
    if (node === undefined) await this.#register(facts);
    else if (!(await this.#update(node, facts))) return { requeueAfterMs: REPEAT_MS };
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }

  async #askRuntime(): Promise<void> {
    const { runtime, runtimeProblem } = this.#options;
    if (runtimeProblem() !== undefined) return;
    try {
      this.#runtime = await runtime.info();
      this.#images = await runtime.listImages();
    } catch (error) {
      // Whether the engine answers is judged elsewhere; the last answers stay true.
      this.#options.logger.debug('the container runtime does not tell about itself', { error });
    }
  }

  #facts(): NodeFacts | undefined {
    const { node, internalIp, runtimeProblem, health, devices, network, peerPort } = this.#options;
    if (this.#inventory === undefined) return undefined;
    return {
      name: node,
      internalIp: internalIp(),
      peerPort: peerPort?.() ?? 0,
      inventory: this.#inventory,
      sample: this.#sample,
      runtime: this.#runtime,
      runtimeProblem: runtimeProblem(),
      isShuttingDown: this.#options.isShuttingDown?.() ?? false,
      images: this.#images,
      health: health(),
      devices: devices(),
      network: network?.(),
    };
  }

  async #register(facts: NodeFacts): Promise<void> {
    const { client, logger, node } = this.#options;
    try {
      const created = await client.create(NodeRef, renderNode(facts));
      logger.info('registered the node', { node });
      await this.#update(created, facts);
    } catch (error) {
      // It was there after all: the informer will show it.
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  /** false: the same was written a moment ago, and did not last. */
  async #update(node: Node, facts: NodeFacts): Promise<boolean> {
    const { client, clock } = this.#options;
    const key = { name: facts.name };
    const labels = computeLabelChanges(node.metadata.labels ?? {}, renderLabels(facts));
    const { annotations: shown } = node.metadata;
    const annotations = computeAnnotationChanges(shown, facts.network?.annotations ?? {}, facts.peerPort);
    if (Object.keys(labels).length + Object.keys(annotations).length > 0)
      await client.patch(NodeRef, key, { type: 'merge', body: { metadata: { labels, annotations } } });
    const changes = computeStatusChanges(node, renderNodeStatus(facts));
    if (changes === undefined) return true;
    const isRepeat = jsonEqual(this.#written?.changes, changes);
    if (isRepeat && clock.monotonicMs() - (this.#written?.atMs ?? 0) < REPEAT_MS) return false;
    const body = renderStatusPatch(node, changes, formatTime(clock.nowMs()));
    await client.patch(NodeRef, key, { type: 'strategic', body, subresource: 'status' });
    this.#written = { changes, atMs: clock.monotonicMs() };
    if (!isRepeat) this.#tellEvents(node, changes);
    return true;
  }

  #tellEvents(node: Node, { conditions }: StatusChanges): void {
    const { recorder, node: name } = this.#options;
    for (const condition of conditions) {
      const shown = node.status.conditions?.find(({ type }) => type === condition.type);
      const event = renderConditionEvent(name, shown, condition);
      if (event) recorder.event(subjectOf(NodeRef, node), event.type, event.reason, event.message);
    }
  }
}
