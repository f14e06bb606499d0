/**
 * StatefulSet: pods with names, an order and volumes of their own. Source: Kubernetes API reference, apps/v1 StatefulSet.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, int64, list, object, oneOf, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { templateColumns } from './columns/workload.ts';
import { KIND_NAMES } from './kind-names.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { StatefulSetSpecSchema } from './stateful-set-spec.ts';
import { templateWarnings } from './validation/pod-warnings.ts';
import { checkStatefulSet } from './validation/stateful-set.ts';

export const StatefulSetConditionSchema = object(
  'StatefulSetCondition',
  "One aspect of a stateful set's present state",
  {
    type: required(str(1, 'which aspect')),
    status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
    lastTransitionTime: time(3, 'when status last changed'),
    reason: str(4, 'why, in one CamelCase word'),
    message: str(5, 'why, for people'),
  },
);

export type StatefulSetCondition = Static<typeof StatefulSetConditionSchema>;

export const StatefulSetStatusSchema = object('StatefulSetStatus', 'What has been reached', {
  observedGeneration: int64(1, 'generation that this status is about'),
  replicas: required(int32(2, 'pods that exist', { default: 0 })),
  readyReplicas: int32(3, 'pods that are ready'),
  currentReplicas: int32(4, 'pods of the revision before the roll-out'),
  updatedReplicas: int32(5, 'pods of the present template'),
  currentRevision: str(6, 'revision before the roll-out'),
  updateRevision: str(7, 'revision of the present template'),
  collisionCount: int32(9, "name clashes so far; goes into the revisions' hashes"),
  conditions: list(10, StatefulSetConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
  availableReplicas: defaulted(int32(11, 'pods ready for minReadySeconds', { default: 0 })),
});

export type StatefulSetStatus = Static<typeof StatefulSetStatusSchema>;

export const StatefulSetSchema = object('StatefulSet', 'Pods with names, an order and volumes of their own', {
  apiVersion: defaulted(str(undefined, 'always apps/v1')),
  kind: defaulted(str(undefined, 'always StatefulSet')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, StatefulSetSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, StatefulSetStatusSchema, 'what has been reached', { default: {} })),
});

export type StatefulSet = Static<typeof StatefulSetSchema>;

function applyStatefulSetDefaults({ spec }: StatefulSet): void {
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    Object.assign(claim, { apiVersion: claim.apiVersion || 'v1', kind: claim.kind || 'PersistentVolumeClaim' });
  }
  if (spec.updateStrategy.type !== 'RollingUpdate') return;
  spec.updateStrategy.rollingUpdate = { partition: 0, maxUnavailable: 1, ...spec.updateStrategy.rollingUpdate };
}

export const StatefulSetKind = defineKind<StatefulSet>(KIND_NAMES.StatefulSet, {
  shortNames: ['sts'],
  categories: ['all'],
  subresources: {
    status: true,
    scale: {
      specReplicasPath: ['spec', 'replicas'],
      statusReplicasPath: ['status', 'replicas'],
      selectorPath: ['spec', 'selector'],
    },
  },
  applyDefaults: applyStatefulSetDefaults,
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      description: 'pods that are ready, of the wanted number',
      value: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`,
    },
    ageColumn(),
    ...templateColumns.filter(({ name }) => name !== 'Selector'),
  ],
  warnings: ({ spec }) => templateWarnings('spec.template', spec.template),
  validate: checkStatefulSet,
  schema: StatefulSetSchema,
});
