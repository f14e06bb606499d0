/** The ReplicaSet controller: keeps the wanted number of pods. */
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import { conflict } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { adoptObject, computeClaims, releaseObject } from '../claims.ts';
import { BY_CONTROLLER, type Environment, type Informers, noControllerIn } from '../informers.ts';
import { OwnWrites } from '../own-writes.ts';
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
    informers.pods.onChange((_key, current, previous) => this.#onPod(current, previous));
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

  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    const isNew = current !== undefined && previous?.metadata.uid !== current.metadata.uid;
    const owners = new Set([current, previous].flatMap((pod) => (pod && controllerOf(pod)) ?? []));
    for (const owner of owners) {
      if (isNew) this.#expectations.noteCreation(owner.uid);
      if (previous !== undefined && isGoing(current, previous)) {
        this.#expectations.noteDeletion(owner.uid, previous.metadata.uid);
      }
    }
    this.#enqueueOwners(current, previous);
  }

  #enqueueOwners(current: Pod | undefined, previous: Pod | undefined): void {
    for (const pod of [current, previous]) {
      if (pod === undefined) continue;
      const owner = controllerOf(pod);
      if (owner?.kind === ReplicaSetKind.kind) this.#controller.enqueue(`${pod.metadata.namespace}/${owner.name}`);
      else if (owner === undefined && pod === current) this.#enqueueSelecting(pod);
    }
  }

  /** A pod without a controller is news to those who select it. */
  #enqueueSelecting(pod: Pod): void {
    for (const replicaSet of this.#informers.replicaSets.list(pod.metadata.namespace)) {
      const selector = selectorFromLabelSelector(replicaSet.spec.selector);
      if (selectorMatches(selector, pod.metadata.labels)) this.#controller.enqueue(keyOf(replicaSet));
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const replicaSet = this.#informers.replicaSets.get(key);
    if (replicaSet === undefined) return {};
    const pods = await this.#claimPods(replicaSet);
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

  async #claimPods(replicaSet: ReplicaSet): Promise<Pod[]> {
    const { client } = this.#environment;
    const { pods } = this.#informers;
    const selector = selectorFromLabelSelector(replicaSet.spec.selector);
    const orphans = pods.byIndex(BY_CONTROLLER, noControllerIn(replicaSet.metadata.namespace));
    const candidates = [...pods.byIndex(BY_CONTROLLER, replicaSet.metadata.uid), ...orphans];
    const { owned, adopt, release } = computeClaims({ owner: replicaSet, selector, candidates });
    const owner = { ...subjectOf(ReplicaSetKind, replicaSet), metadata: replicaSet.metadata };
    if (adopt.length > 0) await this.#refuseAdoptionWhenGoing(replicaSet);
    for (const object of release) await releaseObject({ client, kind: PodKind, object, owner });
    for (const object of adopt) await adoptObject({ client, kind: PodKind, object, owner });
    return [...owned, ...adopt];
  }

  /** The informer may not know yet that the ReplicaSet is being deleted; what it adopts now would be deleted with it. */
  async #refuseAdoptionWhenGoing(replicaSet: ReplicaSet): Promise<void> {
    const { metadata } = await this.#environment.client.get(ReplicaSetKind, parseKey(keyOf(replicaSet)));
    const isSame = metadata.uid === replicaSet.metadata.uid && metadata.deletionTimestamp === undefined;
    if (!isSame) throw conflict(ReplicaSetKind, metadata.name, 'it is being deleted and adopts no pods');
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

/** Deleted, being deleted, or replaced by another pod of that name. */
function isGoing(current: Pod | undefined, previous: Pod): boolean {
  return current?.metadata.uid !== previous.metadata.uid || current.metadata.deletionTimestamp !== undefined;
}

/** 0 stands for nothing to wait for. */
function requeueAt(delaysMs: readonly number[]): ReconcileResult {
  const waits = delaysMs.filter((delayMs) => delayMs > 0);
  return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
}
