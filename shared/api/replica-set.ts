/** ReplicaSet: a number of like pods. Source: Kubernetes API reference, apps/v1 ReplicaSet. */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, int64, list, object, oneOf, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { templateColumns } from './columns/workload.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { PodTemplateSpecSchema } from './pod-template.ts';
import { templateWarnings } from './validation/pod-warnings.ts';
import { checkWorkload } from './validation/workload.ts';

export const ReplicaSetSpecSchema = object('ReplicaSetSpec', 'What is wanted', {
  replicas: defaulted(int32(1, 'number of pods', { default: 1 })),
  minReadySeconds: int32(4, 'how long a new pod must be ready before it counts as available'),
  selector: required(ref(2, LabelSelectorSchema, "chooses the pods; must match the template's labels; cannot change")),
  template: defaulted(ref(3, PodTemplateSpecSchema, 'what the pods look like', { default: {} })),
});

export type ReplicaSetSpec = Static<typeof ReplicaSetSpecSchema>;

export const ReplicaSetConditionSchema = object('ReplicaSetCondition', "One aspect of a replica set's present state", {
  type: required(str(1, 'which aspect: ReplicaFailure')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastTransitionTime: time(3, 'when status last changed'),
  reason: str(4, 'why, in one CamelCase word'),
  message: str(5, 'why, for people'),
});

export type ReplicaSetCondition = Static<typeof ReplicaSetConditionSchema>;

export const ReplicaSetStatusSchema = object('ReplicaSetStatus', 'What has been reached', {
  replicas: required(int32(1, 'pods that exist', { default: 0 })),
  fullyLabeledReplicas: int32(2, 'pods with all labels of the template'),
  readyReplicas: int32(4, 'pods that are ready'),
  availableReplicas: int32(5, 'pods ready for minReadySeconds'),
  terminatingReplicas: int32(7, 'pods that are being deleted'),
  observedGeneration: int64(3, 'generation that this status is about'),
  conditions: list(6, ReplicaSetConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type ReplicaSetStatus = Static<typeof ReplicaSetStatusSchema>;

export const ReplicaSetSchema = object('ReplicaSet', 'Keeps a number of like pods', {
  apiVersion: defaulted(str(undefined, 'always apps/v1')),
  kind: defaulted(str(undefined, 'always ReplicaSet')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, ReplicaSetSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, ReplicaSetStatusSchema, 'what has been reached', { default: {} })),
});

export type ReplicaSet = Static<typeof ReplicaSetSchema>;

export const ReplicaSetKind = defineKind<ReplicaSet>(KIND_NAMES.ReplicaSet, {
  shortNames: ['rs'],
  categories: ['all'],
  subresources: {
    status: true,
    scale: {
      specReplicasPath: ['spec', 'replicas'],
      statusReplicasPath: ['status', 'replicas'],
      selectorPath: ['spec', 'selector'],
    },
  },
  applyDefaults: ({ spec }) => applyPodSpecDefaults(spec.template.spec),
  columns: [
    nameColumn(),
    { name: 'Desired', type: 'integer', description: 'wanted number of pods', value: ({ spec }) => spec.replicas },
    { name: 'Current', type: 'integer', description: 'pods that exist', value: ({ status }) => status.replicas },
    {
      name: 'Ready',
      type: 'integer',
      description: 'pods that are ready',
      value: ({ status }) => status.readyReplicas ?? 0,
    },
    ageColumn(),
    ...templateColumns,
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status.replicas) },
  warnings: ({ spec }) => templateWarnings('spec.template', spec.template),
  validate: ({ spec }, old) => checkWorkload('replicaset', spec, old?.spec),
  schema: ReplicaSetSchema,
});
