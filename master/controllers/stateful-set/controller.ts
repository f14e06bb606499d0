/** The StatefulSet controller: pods with names, an order and volumes of their own. */
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { claimRevisions } from '../history/claim-revisions.ts';
import { RevisionCollisionError } from '../history/executors.ts';
import type { HistoryOwner } from '../history/revisions.ts';
import type { Environment, Informers } from '../informers.ts';
import { LatestWrites } from '../latest-writes.ts';
import { OwnedPods } from '../owned-pods.ts';
import { SyncedController } from '../synced-controller.ts';
import { createStatefulSetExecutors } from './executors.ts';
import { ordinalOf } from './identity.ts';
import { computeStatefulSetPlan, type StatefulSetState } from './plan.ts';

const CONCURRENCY = 5;

export class StatefulSetController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #writes = new LatestWrites<StatefulSet>();
  readonly #ownedPods: OwnedPods<StatefulSet>;
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#events = createEventRecorder({ ...environment, component: 'statefulset-controller' });
    const { statefulSets, controllerRevisions, persistentVolumeClaims, pods } = informers;
    this.#controller = new SyncedController({
      ...environment,
      name: 'stateful-set',
      concurrency: CONCURRENCY,
      informers: [statefulSets, controllerRevisions, persistentVolumeClaims, pods],
      reconcile: (key) => this.#reconcile(key),
    });
    statefulSets.onChange((key, current, previous) => this.#onSet(key, current, previous));
    persistentVolumeClaims.onChange((_key, current, previous) => this.#onClaim(current ?? previous));
    this.#ownedPods = new OwnedPods({
      client: environment.client,
      kind: StatefulSetKind,
      owners: statefulSets,
      pods,
      selectorOf: ({ spec }) => selectorFromLabelSelector(spec.selector),
      isMember: (pod, set) => ordinalOf(set, pod.metadata.name) !== undefined,
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

  #onSet(key: string, current: StatefulSet | undefined, previous: StatefulSet | undefined): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      this.#writes.forget(previous.metadata.uid);
    }
    this.#controller.enqueue(key);
  }

  /** A pod may wait until a former claim of its name is gone. */
  #onClaim(claim: PersistentVolumeClaim | undefined): void {
    const { namespace, name = '' } = claim?.metadata ?? {};
    for (const set of this.#informers.statefulSets.list(namespace)) {
      const templates = set.spec.volumeClaimTemplates ?? [];
      const isOurs = templates.some(({ metadata }) => name.startsWith(`${metadata.name}-${set.metadata.name}-`));
      if (isOurs) this.#controller.enqueue(`${namespace}/${set.metadata.name}`);
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const shown = this.#informers.statefulSets.get(key);
    if (shown === undefined) return {};
    const set = this.#writes.of(shown);
    const { namespace } = set.metadata;
    const owner = { ...subjectOf(StatefulSetKind, set), ...set };
    const state: StatefulSetState = {
      set,
      pods: await this.#ownedPods.claim(set),
      revisions: await claimRevisions(this.#environment.client, this.#informers, owner),
      findClaim: (name) => this.#informers.persistentVolumeClaims.get(`${namespace}/${name}`),
      nowMs: this.#environment.clock.nowMs(),
    };
    return this.#carryOut(state, owner);
  }

  async #carryOut(state: StatefulSetState, owner: HistoryOwner): Promise<ReconcileResult> {
    const { client } = this.#environment;
    const { set } = state;
    const { actions, requeueAfterMs } = computeStatefulSetPlan(state, owner);
    const control = { client, events: this.#events, writes: this.#writes };
    try {
      await executeAll(createStatefulSetExecutors(control, set, owner), actions);
    } catch (error) {
      if (error instanceof RevisionCollisionError) await this.#countCollision(set);
      throw error;
    }
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #countCollision(set: StatefulSet): Promise<void> {
    const status = { ...set.status, collisionCount: (set.status.collisionCount ?? 0) + 1 };
    this.#writes.note(set, await this.#environment.client.update(StatefulSetKind, { ...set, status }, 'status'));
  }
}
