/**
 * Heat protection: keeps pods away from boards that get hot, and moves them off boards that are too hot, one by one. It looks
 * at the cluster as a whole, since a move needs a place to go; nothing happens while all boards are cool.
 */
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { complainAboutHeatLimits } from '../../../shared/machinery/heat-limits.ts';
import { nodeTermMatches } from '../../../shared/machinery/node-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import type { ControllerSettings } from '../controller-settings.ts';
import { BY_CONTROLLER, BY_NODE, type Environment, type Informers } from '../informers.ts';
import { claimKeysOf } from '../persistent-volume/pod-claims.ts';
import { isPodActive } from '../pod-state.ts';
import { SyncedController } from '../synced-controller.ts';
import { createHeatExecutors } from './executors.ts';
import { cpuMillisOf, HeatLedger } from './heat-ledger.ts';
import { HeatMetrics, type MeasuredBoard } from './heat-metrics.ts';
import type { BoardState, HeatState } from './heat-state.ts';
import { computeHeatPlan } from './plan.ts';
import { computeHeatTaints } from './words.ts';

const CLUSTER = 'cluster';

export interface HeatOptions extends Environment {
  settings: ControllerSettings;
}

export class HeatProtection implements Component {
  readonly #options: HeatOptions;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #ledger: HeatLedger;
  readonly metrics = new HeatMetrics(() => this.#measure());

  constructor(options: HeatOptions, informers: Informers) {
    const { clock, settings } = options;
    const { nodes, nodeSensors, pods, persistentVolumeClaims, persistentVolumes } = informers;
    this.#options = options;
    this.#informers = informers;
    this.#ledger = new HeatLedger(settings.heat, clock.monotonicMs());
    this.#events = createEventRecorder({ ...options, component: 'heat-protection' });
    this.#controller = new SyncedController({
      ...options,
      name: 'heat-protection',
      informers: [nodes, nodeSensors, pods, persistentVolumeClaims, persistentVolumes],
      reconcile: () => this.#reconcile(),
    });
    settings.onChange(() => {
      this.#ledger.configure(settings.heat);
      this.#controller.enqueue(CLUSTER);
    });
    nodes.onChange((name, current, previous) => this.#onNode(name, current, previous));
    nodeSensors.onChange((name, current) => this.#onSensors(name, current));
  }

  async start(): Promise<void> {
    await this.#controller.start();
    this.#controller.enqueue(CLUSTER);
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onNode(name: string, current: Node | undefined, previous: Node | undefined): void {
    if (current === undefined) {
      this.#ledger.forget(name);
      return;
    }
    // Somebody may have taken our taint away, or left one behind.
    const isWrong = computeHeatTaints(current, this.#ledger.level(name) ?? 'cool') !== undefined;
    if (isWrong || this.#isNews(current)) this.#controller.enqueue(CLUSTER);
    this.#complain(current, previous);
  }

  #complain(current: Node, previous: Node | undefined): void {
    const limitsOf = ({ metadata: { labels = {}, annotations = {} } }: Node): string[] =>
      complainAboutHeatLimits({ labels, annotations });
    const complaints = limitsOf(current);
    if (complaints.length === 0 || (previous !== undefined && limitsOf(previous).join() === complaints.join())) return;
    this.#events.event(subjectOf(NodeKind, current), 'Warning', 'InvalidHeatLimits', complaints.join('; '));
  }

  #onSensors(name: string, current: NodeSensors | undefined): void {
    this.#ledger.noteReading(name, current, this.#options.clock.monotonicMs());
    const node = this.#informers.nodes.get(name);
    if (node !== undefined && this.#isNews(node)) this.#controller.enqueue(CLUSTER);
  }

  /** A board that is not cool is looked at with every reading; of a cool one only that it no longer is matters. */
  #isNews(node: Node): boolean {
    const { heat } = this.#ledger.peek(node, this.#options.clock.monotonicMs());
    return heat.level !== 'cool' || (this.#ledger.level(node.metadata.name) ?? 'cool') !== 'cool';
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { clock } = this.#options;
    const state = this.#stateOf(clock.monotonicMs());
    const { actions, requeueAfterMs } = computeHeatPlan(state);
    const { ledger, metrics, controllerPods } = this.#parts();
    await executeAll(
      createHeatExecutors({ ...this.#options, events: this.#events, ledger, metrics, controllerPods }),
      actions,
    );
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  #measure(): MeasuredBoard[] {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#informers.nodes.list().map((node) => {
      const { heat, limits } = this.#ledger.peek(node, nowMs);
      return { name: node.metadata.name, level: heat.level, limits };
    });
  }

  #parts() {
    const controllerPods = (uid: string): Pod[] => this.#informers.pods.byIndex(BY_CONTROLLER, uid);
    return { ledger: this.#ledger, metrics: this.metrics, controllerPods };
  }

  #stateOf(nowMs: number): HeatState {
    const ledger = this.#ledger;
    return {
      nowMs,
      wallMs: this.#options.clock.nowMs(),
      settings: ledger.settings,
      boards: this.#informers.nodes.list().map((node) => this.#boardOf(node, nowMs)),
      resting: ledger.resting(nowMs),
      refusedUntilMs: ledger.refusedUntilMs(nowMs),
      lastMoveMs: ledger.lastMoveMs,
      boundOf: (uid) =>
        this.#parts()
          .controllerPods(uid)
          .filter((pod) => isPodActive(pod) && pod.spec.nodeName).length,
      reachesVolumes: (pod, node) => this.#reachesVolumes(pod, node),
    };
  }

  #boardOf(node: Node, nowMs: number): BoardState {
    const { heat, limits, reading } = this.#ledger.update(node, nowMs);
    const { pods } = this.#informers;
    return {
      ...{ node, heat, limits },
      celsius: reading.celsius,
      trendCelsiusPerMinute: reading.trendCelsiusPerMinute,
      cpuMillis: cpuMillisOf(node),
      usage: reading.usage,
      // Asked of few boards only: a large cluster has many pods.
      get pods() {
        return pods.byIndex(BY_NODE, node.metadata.name);
      },
    };
  }

  #reachesVolumes(pod: Pod, node: Node): boolean {
    const { persistentVolumeClaims, persistentVolumes } = this.#informers;
    const { name, labels = {} } = node.metadata;
    return claimKeysOf(pod).every((key) => {
      const volume = persistentVolumes.get(persistentVolumeClaims.get(key)?.spec.volumeName ?? '');
      const required = volume?.spec.nodeAffinity?.required;
      return (
        required === undefined || required.nodeSelectorTerms.some((term) => nodeTermMatches(term, { name, labels }))
      );
    });
  }
}
