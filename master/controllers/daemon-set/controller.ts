/** The DaemonSet controller: one pod on each node that fits. */
import { type DaemonSet, DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { keyOf } from '../../../shared/client/informer.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { claimRevisions } from '../history/claim-revisions.ts';
import { RevisionCollisionError } from '../history/executors.ts';
import type { HistoryOwner } from '../history/revisions.ts';
import type { Environment, Informers } from '../informers.ts';
import { LatestWrites } from '../latest-writes.ts';
import { OwnedPods } from '../owned-pods.ts';
import { Expectations } from '../replica-set/expectations.ts';
import { SyncedController } from '../synced-controller.ts';
import { backoffKey, createDaemonSetExecutors } from './executors.ts';
import { FailureBackoff } from './failure-backoff.ts';
import { computeDaemonSetPlan, type DaemonSetState } from './plan.ts';

const CONCURRENCY = 2;

export class DaemonSetController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #expectations: Expectations;
  readonly #backoff: FailureBackoff;
  readonly #writes = new LatestWrites<DaemonSet>();
  readonly #ownedPods: OwnedPods<DaemonSet>;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#expectations = new Expectations(environment.clock);
    this.#backoff = new FailureBackoff(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'daemonset-controller' });
    const { daemonSets, controllerRevisions, nodes, pods } = informers;
    this.#controller = new SyncedController({
      ...environment,
      name: 'daemon-set',
      concurrency: CONCURRENCY,
      informers: [daemonSets, controllerRevisions, nodes, pods],
      reconcile: (key) => this.#reconcile(key),
    });
    daemonSets.onChange((key, current, previous) => this.#onSet(key, current, previous));
    nodes.onChange((_key, current, previous) => this.#onNode(current, previous));
    this.#ownedPods = new OwnedPods({
      client: environment.client,
      kind: DaemonSetKind,
      owners: daemonSets,
      pods,
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

  #onSet(key: string, current: DaemonSet | undefined, previous: DaemonSet | undefined): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      this.#expectations.forget(previous.metadata.uid);
      this.#writes.forget(previous.metadata.uid);
    }
    this.#controller.enqueue(key);
  }

  /** What a node reports of itself every few seconds is no news here; what pods go by is. */
  #onNode(current: Node | undefined, previous: Node | undefined): void {
    const isSame =
      jsonEqual(current?.metadata.labels, previous?.metadata.labels) && jsonEqual(current?.spec, previous?.spec);
    if (isSame && current !== undefined && previous !== undefined) return;
    for (const set of this.#informers.daemonSets.list()) this.#controller.enqueue(keyOf(set));
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const shown = this.#informers.daemonSets.get(key);
    if (shown === undefined) return {};
    const { client, clock } = this.#environment;
    const set = this.#writes.of(shown);
    const owner = { ...subjectOf(DaemonSetKind, set), ...set };
    const pods = await this.#ownedPods.claim(set);
    const revisions = await claimRevisions(client, this.#informers, owner);
    const waitMs = this.#expectations.remainingMs(set.metadata.uid);
    const state: DaemonSetState = {
      set,
      pods,
      nodes: this.#informers.nodes.list(),
      revisions,
      nowMs: clock.nowMs(),
      backoffMs: (node) => this.#backoff.remainingMs(backoffKey(set, node)),
      isUpToDate: waitMs === 0,
    };
    const { requeueAfterMs } = await this.#carryOut(state, owner);
    const waits = [waitMs, requeueAfterMs ?? 0].filter((delayMs) => delayMs > 0);
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }

  async #carryOut(state: DaemonSetState, owner: HistoryOwner): Promise<ReconcileResult> {
    const { client } = this.#environment;
    const { set } = state;
    const { actions, requeueAfterMs } = computeDaemonSetPlan(state, owner);
    const control = {
      client,
      events: this.#events,
      expectations: this.#expectations,
      writes: this.#writes,
      backoff: this.#backoff,
    };
    try {
      await executeAll(createDaemonSetExecutors(control, set, owner), actions);
    } catch (error) {
      if (error instanceof RevisionCollisionError) await this.#countCollision(set);
      throw error;
    }
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #countCollision(set: DaemonSet): Promise<void> {
    const status = { ...set.status, collisionCount: (set.status.collisionCount ?? 0) + 1 };
    this.#writes.note(set, await this.#environment.client.update(DaemonSetKind, { ...set, status }, 'status'));
  }
}
