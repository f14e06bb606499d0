/** The cell of an autoscaler that says what it sees and what it wants: `cpu: 12%/80%, memory: <unknown>/64Mi + 1 more...`. */
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../hpa-metrics.ts';

const MAX_METRICS = 2;

interface Autoscaler {
  spec: { metrics: readonly MetricSpec[] };
  status: { currentMetrics?: readonly MetricStatus[] };
}

export function targetsText({ spec: { metrics = [] }, status: { currentMetrics = [] } }: Autoscaler): string {
  if (metrics.length === 0) return '<none>';
  const more = metrics.length - MAX_METRICS;
  const shown = metrics.slice(0, MAX_METRICS).map((metric, index) => metricText(metric, currentMetrics[index]));
  return `${shown.join(', ')}${more > 0 ? ` + ${more} more...` : ''}`;
}

function metricText(metric: MetricSpec, seen: MetricStatus | undefined): string {
  const { resource, containerResource, pods, object, external } = metric;
  if (resource) return `${resource.name}: ${pairText(resource.target, seen?.resource?.current)}`;
  if (containerResource)
    return `${containerResource.name}: ${pairText(containerResource.target, seen?.containerResource?.current)}`;
  if (pods) return pairText(pods.target, seen?.pods?.current);
  if (object) return pairText(object.target, seen?.object?.current, ' (avg)');
  if (external) return pairText(external.target, seen?.external?.current, ' (avg)');
  return '<unknown type>';
}

/** `average` is appended where a value could be meant as a sum. */
function pairText(target: MetricTarget, seen: MetricValueStatus | undefined, average = ''): string {
  if (target.averageValue !== undefined) {
    return `${seen?.averageValue ?? '<unknown>'}/${target.averageValue}${average}`;
  }
  if (target.type === 'Value') return `${seen?.value ?? '<unknown>'}/${target.value ?? '<unknown>'}`;
  const [now, wanted] = [seen?.averageUtilization, target.averageUtilization];
  return `${now === undefined ? '<unknown>' : `${now}%`}/${wanted === undefined ? '<auto>' : `${wanted}%`}`;
}
