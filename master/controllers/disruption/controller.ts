/** The disruption controller: keeps the budgets' counts, from which evictions take. */

import type { Pod } from '../../../shared/api/pod.ts';
import { type PodDisruptionBudget, PodDisruptionBudgetKind } from '../../../shared/api/pod-disruption-budget.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { keyOf } from '../../../shared/client/informer.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { apiVersionOf, type Kind } from '../../../shared/schema/define-kind.ts';
import { BY_LABEL, type Environment, type Informers, labelIn } from '../informers.ts';
import { isPodReady } from '../pod-state.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { computeBudgetPlan, needsControllers } from './plan.ts';
import { computeWantedPods, type OwnerReader, replicasOf } from './wanted-pods.ts';

/** Changes of pods within this time become one write of a budget. */
const GATHER_MS = 50;

export class DisruptionController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #scalable: readonly Kind[];
  readonly #controller: SyncedController;

  constructor(environment: Environment, informers: Informers, kinds: readonly Kind[]) {
    const { podDisruptionBudgets, pods } = informers;
    this.#environment = environment;
    this.#informers = informers;
    this.#scalable = kinds.filter(({ subresources }) => subresources.scale !== undefined);
    const workloads = this.#scalable.map((kind) => informers.of(kind));
    this.#controller = new SyncedController({
      ...environment,
      name: 'disruption',
      informers: [podDisruptionBudgets, pods, ...workloads],
      reconcile: (key) => this.#reconcile(key),
    });
    podDisruptionBudgets.onChange((key) => this.#controller.enqueue(key));
    pods.onChange((_key, current, previous) => this.#onPod(current, previous));
    for (const [index, kind] of this.#scalable.entries()) {
      workloads[index]?.onChange((_key, current, previous) => {
        const isRescaled = current && previous && replicasOf(current, kind) !== replicasOf(previous, kind);
        if (isRescaled) this.#enqueueAll(current.metadata.namespace);
      });
    }
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  #onPod(current: Pod | undefined, previous: Pod | undefined): void {
    if (current !== undefined && previous !== undefined && jsonEqual(factsOf(current), factsOf(previous))) return;
    for (const budget of this.#informers.podDisruptionBudgets.list((current ?? previous)?.metadata.namespace)) {
      const selects = [current, previous].some((pod) => pod !== undefined && isSelected(budget, pod));
      if (selects) this.#controller.enqueueAfter(keyOf(budget), GATHER_MS);
    }
  }

  #enqueueAll(namespace: string | undefined): void {
    for (const budget of this.#informers.podDisruptionBudgets.list(namespace)) this.#controller.enqueue(keyOf(budget));
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { client, clock } = this.#environment;
    const budget = this.#informers.podDisruptionBudgets.get(key);
    if (budget === undefined) return {};
    const pods = this.#podsOf(budget);
    const wantedPods = needsControllers(budget) ? computeWantedPods(pods, this.#readOwner) : pods.length;
    const { status, lookAgainMs } = computeBudgetPlan({ budget, pods, wantedPods, nowMs: clock.nowMs() });
    // Written with the revision that was read: an eviction in between makes this a conflict, and the plan is made anew.
    if (!jsonEqual(status, budget.status)) {
      await unlessNotFound(client.update(PodDisruptionBudgetKind, { ...budget, status }, 'status'));
    }
    return lookAgainMs === undefined ? {} : { requeueAfterMs: lookAgainMs };
  }

  #podsOf(budget: PodDisruptionBudget): Pod[] {
    const { pods } = this.#informers;
    const { namespace = '' } = budget.metadata;
    const [first] = Object.entries(budget.spec.selector?.matchLabels ?? {});
    const candidates =
      first === undefined ? pods.list(namespace) : pods.byIndex(BY_LABEL, labelIn(namespace, ...first));
    return candidates.filter((pod) => isSelected(budget, pod) && !hasEnded(pod));
  }

  readonly #readOwner: OwnerReader = (namespace, owner) => {
    const kind = this.#scalable.find((known) => known.kind === owner.kind && apiVersionOf(known) === owner.apiVersion);
    const object = kind && this.#informers.of(kind).get(`${namespace}/${owner.name}`);
    return kind && object?.metadata.uid === owner.uid ? { kind, object } : undefined;
  };
}

/** A budget without a selector selects nothing, one with an empty selector everything. */
function isSelected({ spec, metadata }: PodDisruptionBudget, pod: Pod): boolean {
  if (spec.selector === undefined || metadata.namespace !== pod.metadata.namespace) return false;
  return selectorMatches(selectorFromLabelSelector(spec.selector), pod.metadata.labels);
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

/** What a budget sees of a pod. */
function factsOf(pod: Pod): unknown[] {
  const { uid, labels, deletionTimestamp } = pod.metadata;
  return [uid, labels, deletionTimestamp !== undefined, isPodReady(pod), hasEnded(pod), controllerOf(pod)?.uid];
}
