/** What all metrics of an autoscaler ask for together: the one that wants most counts. Pure. */
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../../../shared/api/hpa-metrics.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { formatMillis, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import {
  computeMetricReplicas,
  type MetricAnswer,
  NoSamplesError,
  type Target,
  type Tolerances,
} from './replica-calculator.ts';
import { collectSamples, MissingRequestError, type ResourceName } from './samples.ts';

/** How far a metric may be off without a change. */
const DEFAULT_TOLERANCE = 0.1;

export interface MetricsQuestion {
  autoscaler: HorizontalPodAutoscaler;
  pods: readonly Pod[];
  sensors: readonly NodeSensors[];
  currentReplicas: number;
  nowMs: number;
}

export type MetricsAnswer =
  | { ok: true; replicas: number; metricName: string; statuses: MetricStatus[] }
  | { ok: false; reason: string; message: string; statuses: MetricStatus[] };

interface Failure {
  reason: string;
  message: string;
}

interface Proposal {
  replicas: number;
  metricName: string;
  status: MetricStatus;
}

export function computeAllMetrics(question: MetricsQuestion): MetricsAnswer {
  const { metrics } = question.autoscaler.spec;
  const results = metrics.map((metric) => computeOne(metric, question));
  const proposals = results.filter((result): result is Proposal => 'replicas' in result);
  const failures = results.filter((result): result is Failure => 'message' in result);
  const statuses = proposals.map(({ status }) => status);
  const best = proposals.reduce<Proposal | undefined>(
    (most, one) => (most === undefined || one.replicas > most.replicas ? one : most),
    undefined,
  );
  const [first] = failures;
  // With a metric unknown the number may grow, but not shrink: the unknown one may be what keeps it up.
  if (best === undefined || (first !== undefined && best.replicas < question.currentReplicas)) {
    const { reason = 'InvalidMetricSourceType', message = 'there is no metric' } = first ?? {};
    const count = `${failures.length} invalid out of ${metrics.length}`;
    return { ok: false, reason, statuses, message: `invalid metrics (${count}), first error is: ${message}` };
  }
  return { ok: true, replicas: best.replicas, metricName: best.metricName, statuses };
}

function computeOne(metric: MetricSpec, question: MetricsQuestion): Proposal | Failure {
  if (metric.resource) return ofResource({ resource: metric.resource.name }, metric.resource.target, question);
  if (metric.containerResource) {
    const { name, container, target } = metric.containerResource;
    return ofResource({ resource: name, container }, target, question);
  }
  const message = `unable to get ${metric.type} metric: only resource metrics are collected by this cluster`;
  return { reason: `FailedGet${metric.type}${metric.type === 'External' ? '' : 's'}Metric`, message };
}

function ofResource(name: ResourceName, target: MetricTarget, question: MetricsQuestion): Proposal | Failure {
  const { autoscaler, pods, sensors, currentReplicas, nowMs } = question;
  const { resource, container } = name;
  const samples = collectSamples(sensors, autoscaler.metadata.namespace ?? '', { ...name, nowMs });
  const tolerances = tolerancesOf(autoscaler);
  try {
    const wanted = targetOf(target);
    const answer = computeMetricReplicas({
      ...name,
      pods,
      samples,
      target: wanted,
      currentReplicas,
      tolerances,
      nowMs,
    });
    const kind = container === undefined ? 'resource' : 'container resource';
    const suffix = wanted.type === 'utilization' ? ' utilization (percentage of request)' : '';
    const metricName = `${resource} ${kind}${suffix}`;
    return { replicas: answer.replicas, metricName, status: statusOf(name, answer) };
  } catch (error) {
    if (!(error instanceof NoSamplesError) && !(error instanceof MissingRequestError)) throw error;
    const reason = container === undefined ? 'FailedGetResourceMetric' : 'FailedGetContainerResourceMetric';
    const what = target.averageUtilization === undefined ? 'usage' : 'utilization';
    return { reason, message: `failed to get ${resource} ${what}: ${error.message}` };
  }
}

/** Validation lets no target through that says neither. */
function targetOf({ averageUtilization, averageValue }: MetricTarget): Target {
  if (averageValue !== undefined) return { type: 'average', millis: quantityToMillis(averageValue) };
  return { type: 'utilization', percent: averageUtilization ?? 100 };
}

function tolerancesOf({ spec: { behavior } }: HorizontalPodAutoscaler): Tolerances {
  const of = (rules: HPAScalingRules | undefined): number =>
    rules?.tolerance === undefined ? DEFAULT_TOLERANCE : quantityToMillis(rules.tolerance) / 1000;
  return { down: of(behavior?.scaleDown), up: of(behavior?.scaleUp) };
}

function statusOf({ resource, container }: ResourceName, answer: MetricAnswer): MetricStatus {
  const current: MetricValueStatus = {
    averageValue: formatMillis(answer.averageMillis),
    ...(answer.utilizationPercent === undefined ? {} : { averageUtilization: answer.utilizationPercent }),
  };
  if (container === undefined) return { type: 'Resource', resource: { name: resource, current } };
  return { type: 'ContainerResource', containerResource: { name: resource, container, current } };
}
