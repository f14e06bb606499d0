/**
 * Whether a status says something new. Pure. Readings never stand still, and each write of one wears the master's card: what
 * only flickers is left as it was.
 */
import type { HorizontalPodAutoscalerStatus } from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { MetricStatus, MetricValueStatus } from '../../../shared/api/hpa-metrics.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { quantityToMillis } from '../../../shared/machinery/quantity.ts';

/** Of the value that is shown. */
const DEAD_BAND = 0.1;

/** Percent of the requests. */
const DEAD_BAND_PERCENT = 5;

export function isWorthWriting(next: HorizontalPodAutoscalerStatus, shown: HorizontalPodAutoscalerStatus): boolean {
  const { currentMetrics: metrics = [], ...rest } = next;
  const { currentMetrics: shownMetrics = [], ...shownRest } = shown;
  if (!jsonEqual(rest, shownRest) || metrics.length !== shownMetrics.length) return true;
  return metrics.some((metric, index) => differs(metric, shownMetrics[index]));
}

function differs(metric: MetricStatus, shown: MetricStatus | undefined): boolean {
  const [next, last] = [currentOf(metric), shown && currentOf(shown)];
  if (last === undefined || next === undefined || metric.type !== shown?.type) return true;
  if (next.averageUtilization !== undefined && last.averageUtilization !== undefined) {
    return Math.abs(next.averageUtilization - last.averageUtilization) > DEAD_BAND_PERCENT;
  }
  const [now, before] = [next, last].map(({ averageValue = '0' }) => quantityToMillis(averageValue));
  return Math.abs((now ?? 0) - (before ?? 0)) > DEAD_BAND * (before ?? 0);
}

function currentOf({ resource, containerResource }: MetricStatus): MetricValueStatus | undefined {
  return (resource ?? containerResource)?.current;
}
