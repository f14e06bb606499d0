/** The Deployment controller: brings ReplicaSets from one template to the next. */
import { type Deployment, DeploymentKind } from '../../../shared/api/deployment.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { keyOf, parseKey } from '../../../shared/client/informer.ts';
import { conflict } from '../../../shared/machinery/errors.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { executeAll } from '../actions.ts';
import { adoptObject, computeClaims, releaseObject } from '../claims.ts';
import { BY_CONTROLLER, type Environment, type Informers, noControllerIn } from '../informers.ts';
import { OwnCreations } from '../own-creations.ts';
import { OwnWrites } from '../own-writes.ts';
import { SyncedController } from '../synced-controller.ts';
import { createDeploymentExecutors, HashCollisionError } from './executors.ts';
import { computeDeploymentRollout, type DeploymentState } from './rollout.ts';

const CONCURRENCY = 5;

export class DeploymentController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #writes: OwnWrites;
  readonly #creations: OwnCreations;

  constructor(environment: Environment, informers: Informers) {
    this.#environment = environment;
    this.#informers = informers;
    this.#writes = new OwnWrites(environment.clock);
    this.#creations = new OwnCreations(environment.clock);
    this.#events = createEventRecorder({ ...environment, component: 'deployment-controller' });
    this.#controller = new SyncedController({
      ...environment,
      name: 'deployment',
      concurrency: CONCURRENCY,
      informers: [informers.deployments, informers.replicaSets, informers.pods],
      reconcile: (key) => this.#reconcile(key),
    });
    informers.deployments.onChange((key) => this.#controller.enqueue(key));
    informers.replicaSets.onChange((_key, current, previous) => this.#onReplicaSet(current, previous));
    informers.pods.onChange((_key, current, previous) => this.#onPod(current, previous));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  #onReplicaSet(current: ReplicaSet | undefined, previous: ReplicaSet | undefined): void {
    for (const replicaSet of [current, previous]) {
      if (replicaSet === undefined) continue;
      const owner = controllerOf(replicaSet);
      if (owner?.kind === DeploymentKind.kind) this.#enqueueIn(replicaSet, owner.name);
      else if (owner === undefined && replicaSet === current) this.#enqueueSelecting(replicaSet);
    }
  }

  /** Only Recreate waits for pods to be gone. */
  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    if (previous === undefined || current?.status.phase === previous.status.phase) return;
    const owner = controllerOf(previous);
    if (owner?.kind !== ReplicaSetKind.kind) return;
    const replicaSet = this.#informers.replicaSets.get(`${previous.metadata.namespace}/${owner.name}`);
    const deployment = replicaSet && controllerOf(replicaSet);
    if (deployment?.kind === DeploymentKind.kind) this.#enqueueIn(previous, deployment.name);
  }

  #enqueueIn(object: { metadata: { namespace?: string } }, name: string): void {
    this.#controller.enqueue(`${object.metadata.namespace}/${name}`);
  }

  #enqueueSelecting(replicaSet: ReplicaSet): void {
    for (const deployment of this.#informers.deployments.list(replicaSet.metadata.namespace)) {
      const selector = selectorFromLabelSelector(deployment.spec.selector);
      if (selectorMatches(selector, replicaSet.metadata.labels)) this.#controller.enqueue(keyOf(deployment));
    }
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const deployment = this.#informers.deployments.get(key);
    if (deployment === undefined) {
      this.#writes.forget(key);
      this.#creations.forget(key);
      return {};
    }
    const unseenMs = this.#creations.lagMs(key, (name) => this.#informers.replicaSets.get(name) !== undefined);
    if (unseenMs > 0) return { requeueAfterMs: unseenMs };
    const replicaSets = await this.#claimReplicaSets(deployment);
    const state = { deployment, replicaSets, pods: this.#podsOf(replicaSets), nowMs: this.#environment.clock.nowMs() };
    const lagMs = this.#writes.lagMs(key, versionOf(state));
    return lagMs > 0 ? { requeueAfterMs: lagMs } : this.#carryOut(key, state);
  }

  async #carryOut(key: string, state: DeploymentState): Promise<ReconcileResult> {
    const { client } = this.#environment;
    const { actions, requeueAfterMs } = computeDeploymentRollout(state);
    for (const action of actions) {
      if (action.type === 'createReplicaSet') this.#creations.note(key, `${parseKey(key).namespace}/${action.name}`);
    }
    try {
      await executeAll(createDeploymentExecutors({ client, events: this.#events }, state.deployment), actions);
    } catch (error) {
      if (error instanceof HashCollisionError) await this.#countCollision(state.deployment);
      throw error;
    }
    if (actions.length > 0) this.#writes.note(key, versionOf(state));
    // A little late, so that the deadline has surely passed then.
    return requeueAfterMs === undefined ? {} : { requeueAfterMs: requeueAfterMs + 1_000 };
  }

  async #countCollision(deployment: Deployment): Promise<void> {
    const collisionCount = (deployment.status.collisionCount ?? 0) + 1;
    const { namespace, name } = deployment.metadata;
    const body = { status: { collisionCount } };
    await this.#environment.client.patch(
      DeploymentKind,
      { namespace, name },
      { type: 'merge', subresource: 'status', body },
    );
  }

  async #claimReplicaSets(deployment: Deployment): Promise<ReplicaSet[]> {
    const { client } = this.#environment;
    const { replicaSets } = this.#informers;
    const selector = selectorFromLabelSelector(deployment.spec.selector);
    const candidates = [
      ...replicaSets.byIndex(BY_CONTROLLER, deployment.metadata.uid),
      ...replicaSets.byIndex(BY_CONTROLLER, noControllerIn(deployment.metadata.namespace)),
    ];
    const { owned, adopt, release } = computeClaims({ owner: deployment, selector, candidates });
    const owner = { ...subjectOf(DeploymentKind, deployment), metadata: deployment.metadata };
    if (adopt.length > 0) await this.#refuseAdoptionWhenGoing(deployment);
    for (const object of release) await releaseObject({ client, kind: ReplicaSetKind, object, owner });
    for (const object of adopt) await adoptObject({ client, kind: ReplicaSetKind, object, owner });
    return [...owned, ...adopt];
  }

  async #refuseAdoptionWhenGoing(deployment: Deployment): Promise<void> {
    const { metadata } = await this.#environment.client.get(DeploymentKind, parseKey(keyOf(deployment)));
    const isSame = metadata.uid === deployment.metadata.uid && metadata.deletionTimestamp === undefined;
    if (!isSame) throw conflict(DeploymentKind, metadata.name, 'it is being deleted and adopts no replica sets');
  }

  #podsOf(replicaSets: readonly ReplicaSet[]): Pod[] {
    return replicaSets.flatMap(({ metadata }) => this.#informers.pods.byIndex(BY_CONTROLLER, metadata.uid));
  }
}

/** Changes with every object that a plan is made from and writes to. */
function versionOf({ deployment, replicaSets }: DeploymentState): string {
  return [deployment, ...replicaSets].map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`).join('\n');
}
