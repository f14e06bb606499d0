/**
 * How many replicas one metric asks for. Pure. Source: Kubernetes, "Horizontal Pod Autoscaling", algorithm details:
 * replicas × what is seen / what is wanted, rounded up; nothing happens within the tolerance; pods of which nothing is known
 * are taken for what slows the change down.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { groupPods, type PodGroups } from './pod-groups.ts';
import { type ResourceName, requestedMillis, type Samples } from './samples.ts';

export interface Tolerances {
  down: number;
  up: number;
}

/** Percent of the requests, or thousandths of the unit for each pod. */
export type Target = { type: 'utilization'; percent: number } | { type: 'average'; millis: number };

export interface MetricQuestion extends ResourceName {
  pods: readonly Pod[];
  samples: Samples;
  target: Target;
  currentReplicas: number;
  tolerances: Tolerances;
  nowMs: number;
}

export interface MetricAnswer {
  replicas: number;
  /** Thousandths of the unit for each pod that speaks. */
  averageMillis: number;
  /** Of the requests; with a target in percent. */
  utilizationPercent?: number;
}

/** No pod says anything that counts. */
export class NoSamplesError extends Error {
  override readonly name = 'NoSamplesError';
}

/** Throws NoSamplesError, and MissingRequestError for a target in percent. */
export function computeMetricReplicas(question: MetricQuestion): MetricAnswer {
  const { pods, samples, resource, nowMs } = question;
  if (samples.size === 0 || pods.length === 0) {
    throw new NoSamplesError(`unable to fetch metrics from resource metrics API: no samples of ${resource}`);
  }
  const groups = groupPods(pods, samples, { resource, nowMs });
  if (groups.ready.length === 0) {
    throw new NoSamplesError('did not receive metrics for targeted pods (pods might be unready)');
  }
  const used = groups.ready.map((pod): Load => ({ pod, millis: samples.get(pod.metadata.name)?.millis ?? 0 }));
  const seen = ratioOf(used, question);
  return { ...seen.shown, replicas: replicasFor(seen.ratio, used, groups, question) };
}

interface Load {
  pod: Pod;
  millis: number;
}

/** How many times as much as wanted is used. */
function ratioOf(
  loads: readonly Load[],
  { target, ...name }: MetricQuestion,
): { ratio: number; shown: Omit<MetricAnswer, 'replicas'> } {
  const total = loads.reduce((sum, { millis }) => sum + millis, 0);
  const averageMillis = Math.floor(total / loads.length);
  if (target.type === 'average') return { ratio: averageMillis / target.millis, shown: { averageMillis } };
  const requested = loads.reduce((sum, { pod }) => sum + requestedMillis(pod, name), 0);
  const utilizationPercent = Math.floor((total * 100) / requested);
  return { ratio: utilizationPercent / target.percent, shown: { averageMillis, utilizationPercent } };
}

function replicasFor(ratio: number, used: readonly Load[], groups: PodGroups, question: MetricQuestion): number {
  const { currentReplicas, tolerances } = question;
  const countsUnready = groups.unready.length > 0 && ratio > 1;
  if (!countsUnready && groups.missing.length === 0) {
    return isWithin(ratio, tolerances) ? currentReplicas : Math.ceil(ratio * used.length);
  }
  const assumed = [
    ...used,
    ...assumptions(groups.missing, ratio, question),
    ...(countsUnready ? groups.unready.map((pod) => ({ pod, millis: 0 })) : []),
  ];
  const cautious = ratioOf(assumed, question).ratio;
  const turns = (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1);
  if (isWithin(cautious, tolerances) || turns) return currentReplicas;
  const replicas = Math.ceil(cautious * assumed.length);
  const contradicts = (cautious < 1 && replicas > currentReplicas) || (cautious > 1 && replicas < currentReplicas);
  return contradicts ? currentReplicas : replicas;
}

/** On the way down they are as busy as wanted, at least all that they ask for; on the way up they do nothing. */
function assumptions(missing: readonly Pod[], ratio: number, { target, ...name }: MetricQuestion): Load[] {
  if (ratio >= 1) return ratio > 1 ? missing.map((pod) => ({ pod, millis: 0 })) : [];
  return missing.map((pod) => {
    if (target.type === 'average') return { pod, millis: target.millis };
    return { pod, millis: (requestedMillis(pod, name) * Math.max(100, target.percent)) / 100 };
  });
}

function isWithin(ratio: number, { down, up }: Tolerances): boolean {
  return ratio >= 1 - down && ratio <= 1 + up;
}
