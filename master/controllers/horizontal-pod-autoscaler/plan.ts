/** One look of an autoscaler at its workload: what it sees, what it decides, what its status says. Pure but for the history. */
import type {
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from '../../../shared/api/horizontal-pod-autoscaler.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { computeAllowedReplicas } from './behavior.ts';
import type { ScaleHistory } from './history.ts';
import { computeAllMetrics, type MetricsQuestion } from './metrics.ts';

export interface AutoscalerView extends Omit<MetricsQuestion, 'currentReplicas'> {
  /** Wanted by the workload now. */
  wantedReplicas: number;
  /** That there are. */
  presentReplicas: number;
  history: ScaleHistory;
}

export interface AutoscalerPlan {
  status: HorizontalPodAutoscalerStatus;
  /** Undefined: the workload stays as it is. */
  scaleTo: number | undefined;
  /** Why, for the event. */
  reason: string;
  /** Why there is no decision, for a warning. */
  failure: { reason: string; message: string } | undefined;
}

type Conditions = HorizontalPodAutoscalerStatus['conditions'];

interface ConditionText {
  status: HorizontalPodAutoscalerCondition['status'];
  reason: string;
  message: string;
}

export function computeAutoscalerPlan(view: AutoscalerView): AutoscalerPlan {
  const { autoscaler, wantedReplicas, history, nowMs } = view;
  const { minReplicas, maxReplicas } = autoscaler.spec;
  history.prune(nowMs);
  if (history.recommendations.length === 0) history.recommendations.push({ replicas: wantedReplicas, atMs: nowMs });
  const able = conditionsWith(view, autoscaler.status.conditions, 'AbleToScale', {
    status: 'True',
    reason: 'SucceededGetScale',
    message: "the HPA controller was able to get the target's current scale",
  });
  if (wantedReplicas === 0) return disabled(view, able);
  if (wantedReplicas > maxReplicas) {
    return planOf(view, {
      replicas: maxReplicas,
      conditions: able,
      reason: 'Current number of replicas above Spec.MaxReplicas',
    });
  }
  if (wantedReplicas < minReplicas) {
    return planOf(view, {
      replicas: minReplicas,
      conditions: able,
      reason: 'Current number of replicas below Spec.MinReplicas',
    });
  }
  return byMetrics(view, able);
}

function disabled(view: AutoscalerView, able: Conditions): AutoscalerPlan {
  const conditions = conditionsWith(view, able, 'ScalingActive', {
    status: 'False',
    reason: 'ScalingDisabled',
    message: 'scaling is disabled since the replica count of the target is zero',
  });
  return planOf(view, { replicas: 0, conditions, reason: '' });
}

function byMetrics(view: AutoscalerView, able: Conditions): AutoscalerPlan {
  const { autoscaler, wantedReplicas, nowMs } = view;
  const answer = computeAllMetrics({ ...view, currentReplicas: wantedReplicas });
  const currentMetrics = answer.statuses;
  if (!answer.ok) {
    const message = `the HPA was unable to compute the replica count: ${answer.message}`;
    const text = { status: 'False' as const, reason: answer.reason, message };
    const conditions = conditionsWith(view, able, 'ScalingActive', text);
    const plan = planOf(view, { replicas: wantedReplicas, conditions, reason: '', currentMetrics });
    return { ...plan, failure: { reason: answer.reason, message: answer.message } };
  }
  const wish = { current: wantedReplicas, desired: answer.replicas, nowMs };
  const allowed = computeAllowedReplicas(autoscaler.spec, view.history, wish);
  const { isLimited, ...limited } = allowed.limited;
  const active = `the HPA was able to successfully calculate a replica count from ${answer.metricName}`;
  const texts: Record<string, ConditionText> = {
    AbleToScale: { status: 'True', ...allowed.able },
    ScalingActive: { status: 'True', reason: 'ValidMetricFound', message: active },
    ScalingLimited: { status: isLimited ? 'True' : 'False', ...limited },
  };
  const conditions = Object.entries(texts).reduce((all, [type, text]) => conditionsWith(view, all, type, text), able);
  const reason = answer.replicas > wantedReplicas ? `${answer.metricName} above target` : 'All metrics below target';
  return planOf(view, { replicas: allowed.replicas, conditions, reason, currentMetrics });
}

interface Decision extends Pick<HorizontalPodAutoscalerStatus, 'conditions' | 'currentMetrics'> {
  replicas: number;
  reason: string;
}

function planOf(view: AutoscalerView, { replicas, reason, conditions, currentMetrics }: Decision): AutoscalerPlan {
  const { autoscaler, wantedReplicas, presentReplicas, nowMs } = view;
  const { metadata, status: before } = autoscaler;
  const isChange = replicas !== wantedReplicas;
  const rescaled = {
    status: 'True' as const,
    reason: 'SucceededRescale',
    message: `the HPA controller was able to update the target scale to ${replicas}`,
  };
  const lastScaleTime = isChange ? formatTime(nowMs) : before.lastScaleTime;
  const metrics = currentMetrics ?? before.currentMetrics ?? [];
  const status: HorizontalPodAutoscalerStatus = {
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
    currentReplicas: presentReplicas,
    desiredReplicas: replicas,
    ...(metrics.length === 0 ? {} : { currentMetrics: metrics }),
    conditions: isChange ? conditionsWith(view, conditions, 'AbleToScale', rescaled) : conditions,
  };
  return { status, scaleTo: isChange ? replicas : undefined, reason, failure: undefined };
}

function conditionsWith(
  { nowMs }: AutoscalerView,
  conditions: Conditions,
  type: string,
  text: ConditionText,
): NonNullable<Conditions> {
  return setCondition(conditions, { type, ...text }, formatTime(nowMs));
}
