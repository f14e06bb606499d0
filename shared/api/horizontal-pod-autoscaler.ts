/**
 * HorizontalPodAutoscaler: as many pods as their load needs. Source: Kubernetes API reference, autoscaling/v2
 * HorizontalPodAutoscaler.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, int64, list, object, oneOf, quantity, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { targetsText } from './columns/horizontal-pod-autoscaler.ts';
import { CrossVersionObjectReferenceSchema, MetricSpecSchema, MetricStatusSchema } from './hpa-metrics.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkAutoscaler } from './validation/horizontal-pod-autoscaler.ts';

export const HPAScalingPolicySchema = object('HPAScalingPolicy', 'How many pods may come or go in a while', {
  type: required(oneOf(1, ['Pods', 'Percent'], 'what value counts')),
  value: required(int32(2, 'pods, or percent of the pods at the beginning of the period')),
  periodSeconds: required(int32(3, 'length of the period, at most half an hour')),
});

export type HPAScalingPolicy = Static<typeof HPAScalingPolicySchema>;

export const HPAScalingRulesSchema = object('HPAScalingRules', 'How fast the number of pods follows', {
  stabilizationWindowSeconds: int32(3, 'the most cautious wish of this long counts'),
  selectPolicy: oneOf(1, ['Max', 'Min', 'Disabled'], 'which policy counts: the fastest, the slowest, none'),
  policies: list(2, HPAScalingPolicySchema, 'limits of speed'),
  tolerance: quantity(4, 'how far a metric may be off without a change, 0.1 unless set'),
});

export type HPAScalingRules = Static<typeof HPAScalingRulesSchema>;

export const HorizontalPodAutoscalerBehaviorSchema = object(
  'HorizontalPodAutoscalerBehavior',
  'How fast the number of pods follows, up and down',
  {
    scaleUp: ref(1, HPAScalingRulesSchema, 'on the way up'),
    scaleDown: ref(2, HPAScalingRulesSchema, 'on the way down'),
  },
);

export type HorizontalPodAutoscalerBehavior = Static<typeof HorizontalPodAutoscalerBehaviorSchema>;

export const HorizontalPodAutoscalerSpecSchema = object('HorizontalPodAutoscalerSpec', 'What is wanted', {
  scaleTargetRef: required(ref(1, CrossVersionObjectReferenceSchema, 'the workload')),
  minReplicas: defaulted(int32(2, 'fewest pods', { default: 1 })),
  maxReplicas: required(int32(3, 'most pods')),
  metrics: defaulted(list(4, MetricSpecSchema, 'what is looked at; the metric that wants most pods counts')),
  behavior: ref(5, HorizontalPodAutoscalerBehaviorSchema, 'how fast the number follows'),
});

export type HorizontalPodAutoscalerSpec = Static<typeof HorizontalPodAutoscalerSpecSchema>;

export const HorizontalPodAutoscalerConditionSchema = object(
  'HorizontalPodAutoscalerCondition',
  'One aspect of the present state',
  {
    type: required(str(1, 'which aspect: AbleToScale, ScalingActive or ScalingLimited')),
    status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
    lastTransitionTime: time(3, 'when status last changed'),
    reason: str(4, 'why, in one CamelCase word'),
    message: str(5, 'why, for people'),
  },
);

export type HorizontalPodAutoscalerCondition = Static<typeof HorizontalPodAutoscalerConditionSchema>;

export const HorizontalPodAutoscalerStatusSchema = object('HorizontalPodAutoscalerStatus', 'What has been reached', {
  observedGeneration: int64(1, 'generation that this status is about'),
  lastScaleTime: time(2, 'when the number of pods was last changed'),
  currentReplicas: int32(3, 'pods that there are'),
  desiredReplicas: required(int32(4, 'pods that there should be', { default: 0 })),
  currentMetrics: list(5, MetricStatusSchema, 'what was seen'),
  conditions: list(6, HorizontalPodAutoscalerConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type HorizontalPodAutoscalerStatus = Static<typeof HorizontalPodAutoscalerStatusSchema>;

export const HorizontalPodAutoscalerSchema = object('HorizontalPodAutoscaler', 'As many pods as their load needs', {
  apiVersion: defaulted(str(undefined, 'always autoscaling/v2')),
  kind: defaulted(str(undefined, 'always HorizontalPodAutoscaler')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, HorizontalPodAutoscalerSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, HorizontalPodAutoscalerStatusSchema, 'what has been reached', { default: {} })),
});

export type HorizontalPodAutoscaler = Static<typeof HorizontalPodAutoscalerSchema>;

/** Of the pods' requests, when the user names no metric. */
const DEFAULT_CPU_PERCENT = 80;

/** Up: at once, twice as many or four more in 15 s. Down: all of them, after the stabilization that the controller adds. */
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const SCALE_DOWN: HPAScalingRules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

function applyAutoscalerDefaults({ spec }: HorizontalPodAutoscaler): void {
  if ((spec.metrics ?? []).length === 0) {
    const target = { type: 'Utilization' as const, averageUtilization: DEFAULT_CPU_PERCENT };
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  }
  if (spec.behavior === undefined) return;
  spec.behavior.scaleUp = structuredClone({ ...SCALE_UP, ...spec.behavior.scaleUp });
  spec.behavior.scaleDown = structuredClone({ ...SCALE_DOWN, ...spec.behavior.scaleDown });
}

export const HorizontalPodAutoscalerKind = defineKind<HorizontalPodAutoscaler>(KIND_NAMES.HorizontalPodAutoscaler, {
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Reference',
      type: 'string',
      description: 'the workload',
      value: ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    },
    { name: 'Targets', type: 'string', description: 'what is seen and what is wanted', value: targetsText },
    { name: 'MinPods', type: 'string', description: 'fewest pods', value: ({ spec }) => String(spec.minReplicas) },
    { name: 'MaxPods', type: 'string', description: 'most pods', value: ({ spec }) => String(spec.maxReplicas) },
    {
      name: 'Replicas',
      type: 'string',
      description: 'pods that there are',
      value: ({ status }) => String(status.currentReplicas ?? 0),
    },
    ageColumn(),
  ],
  applyDefaults: applyAutoscalerDefaults,
  validate: ({ spec }) => checkAutoscaler(spec),
  schema: HorizontalPodAutoscalerSchema,
});
