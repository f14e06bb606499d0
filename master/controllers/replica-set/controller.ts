/** The ReplicaSet controller: keeps the wanted number of pods. */
import type { Pod } from '../../../shared/api/pod.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder } from '../../../shared/client/event-recorder.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { BY_CONTROLLER, type Environment, type Informers } from '../informers.ts';
import { OwnWrites } from '../own-writes.ts';
import { OwnedPods } from '../owned-pods.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { Expectations } from './expectations.ts';
import {
  computeReplicaSetActions,
  computeReplicaSetStatus,
  nextAvailableInMs,
  type ReplicaFailure,
  type ReplicaSetState,
} from './plan.ts';
import { createPodExecutors, ReplicaFailureError } from './pod-control.ts';

const CONCURRENCY = 5;

export class ReplicaSetController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #expectations: Expectations;
  readonly #statusWrites: OwnWrites;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #ownedPods: OwnedPods<ReplicaSet>;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#expectations = new Expectations(environment.clock);
    this.#statusWrites = new OwnWrites(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'replicaset-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'replica-set',
      concurrency: CONCURRENCY,
      informers: [informers.replicaSets, informers.pods],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.replicaSets.onChange((key, current, previous) => this.#onReplicaSet(key, current, previous));
    this.#ownedPods = new OwnedPods({
      client: environment.client,
      kind: ReplicaSetKind,
      owners: informers.replicaSets,
      pods: informers.pods,
      selectorOf: ({ spec }) => selectorFromLabelSelector(spec.selector),
      expectations: this.#expectations,
      enqueue: (key) => this.#controller.enqueue(key),
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onReplicaSet(key: string, current: ReplicaSet | undefined, previous: ReplicaSet | undefined): void {
    const isReplaced = previous !== undefined && previous.metadata.uid !== current?.metadata.uid;
    if (isReplaced) {
      this.#expectations.forget(previous.metadata.uid);
      this.#statusWrites.forget(previous.metadata.uid);
    }
    this.#controller.enqueue(key);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const replicaSet = this.#informers.replicaSets.get(key);
    if (replicaSet === undefined) return {};
    const pods = await this.#ownedPods.claim(replicaSet);
    const state = { replicaSet, pods, related: this.#relatedPods(replicaSet), nowMs: this.#environment.clock.nowMs() };
    const waitMs = this.#expectations.remainingMs(replicaSet.metadata.uid);
    const failure = waitMs === 0 ? await this.#act(state) : undefined;
    const lagMs = await this.#writeStatus(state, failure?.failure);
    if (failure !== undefined) throw failure;
    return requeueAt([waitMs, lagMs, nextAvailableInMs(state) ?? 0]);
  }

  async #act(state: ReplicaSetState): Promise<ReplicaFailureError | undefined> {
    const control = { client: this.#environment.client, events: this.#events, expectations: this.#expectations };
    try {
      await executeAll(createPodExecutors(control, state.replicaSet), computeReplicaSetActions(state));
      return undefined;
    } catch (error) {
      if (error instanceof ReplicaFailureError) return error;
      throw error;
    }
  }

  /** Pods of ReplicaSets with the same owner. */
  #relatedPods(replicaSet: ReplicaSet): Pod[] {
    const owner = controllerOf(replicaSet);
    if (owner === undefined) return [];
    const siblings = this.#informers.replicaSets.byIndex(BY_CONTROLLER, owner.uid);
    return siblings
      .filter((sibling) => sibling.metadata.uid !== replicaSet.metadata.uid)
      .flatMap((sibling) => this.#informers.pods.byIndex(BY_CONTROLLER, sibling.metadata.uid));
  }

  /** Returns how long to wait for the informer to show the status that was written before; 0: nothing is in the way. */
  async #writeStatus(state: ReplicaSetState, failure: ReplicaFailure | undefined): Promise<number> {
    const { client, clock } = this.#environment;
    const { replicaSet } = state;
    const { uid, resourceVersion } = replicaSet.metadata;
    const status = computeReplicaSetStatus(state, failure, formatTime(clock.nowMs()));
    if (jsonEqual(status, replicaSet.status)) return 0;
    const lagMs = this.#statusWrites.lagMs(uid, resourceVersion);
    if (lagMs > 0) return lagMs;
    await unlessNotFound(client.update(ReplicaSetKind, { ...replicaSet, status }, 'status'));
    this.#statusWrites.note(uid, resourceVersion);
    return 0;
  }
}

/** 0 stands for nothing to wait for. */
function requeueAt(delaysMs: readonly number[]): ReconcileResult {
  const waits = delaysMs.filter((delayMs) => delayMs > 0);
  return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
}
