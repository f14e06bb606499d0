/** What is wanted of a StatefulSet. Source: Kubernetes API reference, apps/v1 StatefulSetSpec. */
import type { Static } from 'typebox';
import { defaulted, int32, intOrString, list, object, oneOf, ref, required, str } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { PersistentVolumeClaimSchema } from './persistent-volume-claim.ts';
import { PodTemplateSpecSchema } from './pod-template.ts';

export const RollingUpdateStatefulSetStrategySchema = object(
  'RollingUpdateStatefulSetStrategy',
  'Which pods are replaced, and how many at a time',
  {
    partition: int32(1, 'pods with a lower ordinal stay at the old revision'),
    maxUnavailable: intOrString(2, 'pods that may be missing meanwhile, a number or a percentage'),
  },
);

export type RollingUpdateStatefulSetStrategy = Static<typeof RollingUpdateStatefulSetStrategySchema>;

export const StatefulSetUpdateStrategySchema = object('StatefulSetUpdateStrategy', 'How new pods replace old ones', {
  type: defaulted(
    oneOf(1, ['RollingUpdate', 'OnDelete'], 'from the highest ordinal down, or when somebody deletes a pod', {
      default: 'RollingUpdate',
    }),
  ),
  rollingUpdate: ref(2, RollingUpdateStatefulSetStrategySchema, 'bounds of a replacement one after the other'),
});

export type StatefulSetUpdateStrategy = Static<typeof StatefulSetUpdateStrategySchema>;

const RETENTION = ['Retain', 'Delete'] as const;

export const StatefulSetPersistentVolumeClaimRetentionPolicySchema = object(
  'StatefulSetPersistentVolumeClaimRetentionPolicy',
  "What becomes of the pods' volume claims",
  {
    whenDeleted: defaulted(oneOf(1, RETENTION, 'when the set is deleted', { default: 'Retain' })),
    whenScaled: defaulted(oneOf(2, RETENTION, 'when the set is scaled below their ordinal', { default: 'Retain' })),
  },
);

export type StatefulSetPersistentVolumeClaimRetentionPolicy = Static<
  typeof StatefulSetPersistentVolumeClaimRetentionPolicySchema
>;

export const StatefulSetOrdinalsSchema = object('StatefulSetOrdinals', 'How the pods are numbered', {
  start: defaulted(int32(1, 'number of the first pod', { default: 0 })),
});

export type StatefulSetOrdinals = Static<typeof StatefulSetOrdinalsSchema>;

export const StatefulSetSpecSchema = object('StatefulSetSpec', 'What is wanted', {
  replicas: defaulted(int32(1, 'number of pods', { default: 1 })),
  selector: required(ref(2, LabelSelectorSchema, "chooses the pods; must match the template's labels; cannot change")),
  template: required(ref(3, PodTemplateSpecSchema, 'what the pods look like')),
  volumeClaimTemplates: list(4, PersistentVolumeClaimSchema, 'claims that each pod gets; cannot change'),
  serviceName: defaulted(str(5, 'headless service by which the pods have DNS names; cannot change', { default: '' })),
  podManagementPolicy: defaulted(
    oneOf(6, ['OrderedReady', 'Parallel'], 'one pod after the other, or all at once; cannot change', {
      default: 'OrderedReady',
    }),
  ),
  updateStrategy: defaulted(ref(7, StatefulSetUpdateStrategySchema, 'how new pods replace old ones', { default: {} })),
  revisionHistoryLimit: defaulted(int32(8, 'old revisions kept for undo', { default: 10 })),
  minReadySeconds: int32(9, 'how long a new pod must be ready before it counts as available'),
  persistentVolumeClaimRetentionPolicy: defaulted(
    ref(10, StatefulSetPersistentVolumeClaimRetentionPolicySchema, "what becomes of the pods' volume claims", {
      default: {},
    }),
  ),
  ordinals: ref(11, StatefulSetOrdinalsSchema, 'how the pods are numbered'),
});

export type StatefulSetSpec = Static<typeof StatefulSetSpecSchema>;
