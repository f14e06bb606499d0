/**
 * An autoscaler from one version to the other. Pure. What the first version cannot say (other metrics, behavior) stays as it
 * is stored when it is written through that version.
 */
import type { HorizontalPodAutoscaler } from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { MetricSpec, MetricStatus } from '../../../shared/api/hpa-metrics.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';

const V1 = 'autoscaling/v1';
const V2 = 'autoscaling/v2';

export function toFirstVersion({ metadata, spec, status }: HorizontalPodAutoscaler): JsonObject {
  const { metrics = [], behavior: _, ...rest } = spec;
  const target = metrics.find(isCpuTarget)?.resource?.target.averageUtilization;
  const { conditions: __, currentMetrics = [], currentReplicas = 0, desiredReplicas = 0, ...seen } = status;
  const current = currentMetrics.find(isCpuStatus)?.resource?.current.averageUtilization;
  return {
    apiVersion: V1,
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: { ...rest, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: {
      ...seen,
      currentReplicas,
      desiredReplicas,
      ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
    },
  };
}

/** Unknown fields stay, so that decoding tells of them. Without a target and without other metrics the default is 80 %. */
export function toSecondVersion(value: JsonObject, stored?: HorizontalPodAutoscaler): JsonObject {
  const { status: _, spec, apiVersion, ...rest } = value;
  const version = apiVersion === undefined || apiVersion === V1 ? V2 : apiVersion;
  if (!isJsonObject(spec)) return { ...rest, apiVersion: version, ...(spec === undefined ? {} : { spec }) };
  const { targetCPUUtilizationPercentage: percent, ...others } = spec;
  const kept = (stored?.spec.metrics ?? []).filter((metric) => !isCpuTarget(metric));
  const target = { type: 'Utilization', averageUtilization: percent };
  const cpu =
    percent === undefined || percent === null ? [] : [{ type: 'Resource', resource: { name: 'cpu', target } }];
  const metrics = [...kept, ...cpu];
  const behavior = stored?.spec.behavior;
  return {
    ...rest,
    apiVersion: version,
    spec: { ...others, ...(metrics.length === 0 ? {} : { metrics }), ...(behavior === undefined ? {} : { behavior }) },
  };
}

function isCpuTarget({ resource }: MetricSpec): boolean {
  return resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;
}

function isCpuStatus({ resource }: MetricStatus): boolean {
  return resource?.name === 'cpu' && resource.current.averageUtilization !== undefined;
}
