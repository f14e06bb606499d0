/**
 * HorizontalPodAutoscaler as its first version says it: one target, the CPU. Never stored: a view of the second version, for
 * `kubectl autoscale` and older manifests. Source: Kubernetes API reference, autoscaling/v1 HorizontalPodAutoscaler.
 */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, int32, int64, object, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { CrossVersionObjectReferenceSchema } from './hpa-metrics.ts';
import { KIND_NAMES } from './kind-names.ts';

const HorizontalPodAutoscalerSpecV1Schema = object('HorizontalPodAutoscalerSpec', 'What is wanted', {
  scaleTargetRef: required(ref(1, CrossVersionObjectReferenceSchema, 'the workload')),
  minReplicas: int32(2, 'fewest pods'),
  maxReplicas: required(int32(3, 'most pods')),
  targetCPUUtilizationPercentage: int32(4, 'wanted share of the requested CPU in percent'),
});

const HorizontalPodAutoscalerStatusV1Schema = object('HorizontalPodAutoscalerStatus', 'What has been reached', {
  observedGeneration: int64(1, 'generation that this status is about'),
  lastScaleTime: time(2, 'when the number of pods was last changed'),
  currentReplicas: required(int32(3, 'pods that there are')),
  desiredReplicas: required(int32(4, 'pods that there should be')),
  currentCPUUtilizationPercentage: int32(5, 'share of the requested CPU that is used, in percent'),
});

export const HorizontalPodAutoscalerV1Schema = object('HorizontalPodAutoscaler', 'As many pods as their CPU needs', {
  apiVersion: defaulted(str(undefined, 'always autoscaling/v1')),
  kind: defaulted(str(undefined, 'always HorizontalPodAutoscaler')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: ref(2, HorizontalPodAutoscalerSpecV1Schema, 'what is wanted'),
  status: ref(3, HorizontalPodAutoscalerStatusV1Schema, 'what has been reached'),
});

export type HorizontalPodAutoscalerV1 = Static<typeof HorizontalPodAutoscalerV1Schema>;

export const HorizontalPodAutoscalerV1Kind = defineKind<HorizontalPodAutoscalerV1>(
  { ...KIND_NAMES.HorizontalPodAutoscaler, version: 'v1' },
  { shortNames: ['hpa'], categories: ['all'], schema: HorizontalPodAutoscalerV1Schema },
);
