/** The autoscaler controller: looks at each workload again and again, and changes its number of pods by the scale subresource. */
import {
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalerKind,
} from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReconcileResult } from '../../../shared/client/controller.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { type Selector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { Environment, Informers } from '../informers.ts';
import { unlessNotFound } from '../requests.ts';
import { SyncedController } from '../synced-controller.ts';
import { ScaleHistory } from './history.ts';
import { type AutoscalerPlan, computeAutoscalerPlan } from './plan.ts';
import { kindOfTarget, readScale, type ScaleTarget } from './scale-target.ts';
import { isWorthWriting } from './worth-writing.ts';

/** Upstream's; the agents' samples are averages over ten seconds. */
export const SYNC_PERIOD_MS = 15_000;

const CONCURRENCY = 5;

interface Target extends ScaleTarget {
  kind: Kind;
}

export class HorizontalPodAutoscalerController implements Component {
  readonly #environment: Environment;
  readonly #informers: Informers;
  readonly #scalable: readonly Kind[];
  readonly #events: EventRecorder;
  readonly #controller: SyncedController;
  readonly #histories = new Map<string, ScaleHistory>();

  constructor(environment: Environment, informers: Informers, kinds: readonly Kind[]) {
    this.#environment = environment;
    this.#informers = informers;
    this.#scalable = kinds.filter(({ subresources }) => subresources.scale !== undefined);
    this.#events = createEventRecorder({ ...environment, component: 'horizontal-pod-autoscaler' });
    const { horizontalPodAutoscalers, nodeSensors, pods } = informers;
    const workloads = this.#scalable.map((kind) => informers.of(kind));
    this.#controller = new SyncedController({
      ...environment,
      name: 'horizontal-pod-autoscaler',
      concurrency: CONCURRENCY,
      informers: [horizontalPodAutoscalers, nodeSensors, pods, ...workloads],
      reconcile: (key) => this.#reconcile(key),
    });
    horizontalPodAutoscalers.onChange((key, current, previous) => {
      const isOwnWrite = current && previous && jsonEqual(current.spec, previous.spec);
      if (!isOwnWrite) this.#controller.enqueue(key);
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#events.stop();
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const autoscaler = this.#informers.horizontalPodAutoscalers.get(key);
    if (autoscaler === undefined) {
      this.#histories.delete(key);
      return {};
    }
    const target = this.#readTarget(autoscaler);
    if (target === undefined) await this.#tellNoTarget(autoscaler);
    else await this.#carryOut(autoscaler, target, this.#plan(key, autoscaler, target));
    return { requeueAfterMs: SYNC_PERIOD_MS };
  }

  #readTarget({ metadata, spec }: HorizontalPodAutoscaler): Target | undefined {
    const kind = kindOfTarget(this.#scalable, spec.scaleTargetRef);
    const object = kind && this.#informers.of(kind).get(`${metadata.namespace}/${spec.scaleTargetRef.name}`);
    const scale = kind && object && readScale(object, kind);
    return kind && scale && { ...scale, kind };
  }

  #plan(key: string, autoscaler: HorizontalPodAutoscaler, target: Target): AutoscalerPlan {
    const history = this.#histories.get(key) ?? new ScaleHistory();
    this.#histories.set(key, history);
    return computeAutoscalerPlan({
      ...target,
      autoscaler,
      history,
      pods: this.#podsOf(autoscaler.metadata.namespace, target.selector),
      sensors: this.#informers.nodeSensors.list(),
      nowMs: this.#environment.clock.nowMs(),
    });
  }

  #podsOf(namespace: string | undefined, selector: Selector): Pod[] {
    return this.#informers.pods.list(namespace).filter(({ metadata }) => selectorMatches(selector, metadata.labels));
  }

  async #carryOut(autoscaler: HorizontalPodAutoscaler, target: Target, plan: AutoscalerPlan): Promise<void> {
    const subject = subjectOf(HorizontalPodAutoscalerKind, autoscaler);
    const { failure, scaleTo, reason } = plan;
    if (failure !== undefined) this.#events.event(subject, 'Warning', failure.reason, failure.message);
    if (scaleTo !== undefined) {
      await this.#scale(autoscaler, target, scaleTo);
      this.#events.event(subject, 'Normal', 'SuccessfulRescale', `New size: ${scaleTo}; reason: ${reason}`);
    }
    await this.#writeStatus(autoscaler, plan.status);
  }

  async #scale(autoscaler: HorizontalPodAutoscaler, target: Target, replicas: number): Promise<void> {
    const { client, clock } = this.#environment;
    const { namespace = '', name } = autoscaler.metadata;
    const key = { namespace, name: autoscaler.spec.scaleTargetRef.name };
    await client.patch(target.kind, key, { type: 'merge', body: { spec: { replicas } }, subresource: 'scale' });
    const history = this.#histories.get(`${namespace}/${name}`);
    history?.noteScale(target.wantedReplicas, replicas, clock.nowMs());
  }

  async #tellNoTarget(autoscaler: HorizontalPodAutoscaler): Promise<void> {
    const { kind, name } = autoscaler.spec.scaleTargetRef;
    const message = `the HPA controller was unable to get the target's current scale: ${kind} ${JSON.stringify(name)} not found`;
    const condition = { type: 'AbleToScale', status: 'False' as const, reason: 'FailedGetScale', message };
    const now = formatTime(this.#environment.clock.nowMs());
    const conditions = setCondition(autoscaler.status.conditions, condition, now);
    this.#events.event(subjectOf(HorizontalPodAutoscalerKind, autoscaler), 'Warning', 'FailedGetScale', message);
    await this.#writeStatus(autoscaler, { ...autoscaler.status, conditions });
  }

  async #writeStatus(autoscaler: HorizontalPodAutoscaler, status: HorizontalPodAutoscaler['status']): Promise<void> {
    if (!isWorthWriting(status, autoscaler.status)) return;
    try {
      await unlessNotFound(
        this.#environment.client.update(HorizontalPodAutoscalerKind, { ...autoscaler, status }, 'status'),
      );
    } catch (error) {
      // Somebody has changed the autoscaler meanwhile: its next look is on its way already.
      if (!isStatusError(error, 'Conflict')) throw error;
    }
  }
}
