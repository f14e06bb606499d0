/** DaemonSet: one pod on each node that fits. Source: Kubernetes API reference, apps/v1 DaemonSet. */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, int64, list, object, oneOf, ref, required, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { labelsText, templateColumns } from './columns/workload.ts';
import { DaemonSetSpecSchema } from './daemon-set-spec.ts';
import { KIND_NAMES } from './kind-names.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { checkDaemonSet } from './validation/daemon-set.ts';
import { templateWarnings } from './validation/pod-warnings.ts';

export const DaemonSetConditionSchema = object('DaemonSetCondition', "One aspect of a daemon set's present state", {
  type: required(str(1, 'which aspect')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastTransitionTime: time(3, 'when status last changed'),
  reason: str(4, 'why, in one CamelCase word'),
  message: str(5, 'why, for people'),
});

export type DaemonSetCondition = Static<typeof DaemonSetConditionSchema>;

export const DaemonSetStatusSchema = object('DaemonSetStatus', 'What has been reached', {
  currentNumberScheduled: required(int32(1, 'nodes that should have the pod and have it', { default: 0 })),
  numberMisscheduled: required(int32(2, 'nodes that should not have the pod and have it', { default: 0 })),
  desiredNumberScheduled: required(int32(3, 'nodes that should have the pod', { default: 0 })),
  numberReady: required(int32(4, 'of these, nodes with a ready pod', { default: 0 })),
  observedGeneration: int64(5, 'generation that this status is about'),
  updatedNumberScheduled: int32(6, 'of these, nodes with a pod of the present template'),
  numberAvailable: int32(7, 'of these, nodes with a pod ready for minReadySeconds'),
  numberUnavailable: int32(8, 'of these, nodes without one'),
  collisionCount: int32(9, "name clashes so far; goes into the revisions' hashes"),
  conditions: list(10, DaemonSetConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type DaemonSetStatus = Static<typeof DaemonSetStatusSchema>;

export const DaemonSetSchema = object('DaemonSet', 'Keeps one pod on each node that fits', {
  apiVersion: defaulted(str(undefined, 'always apps/v1')),
  kind: defaulted(str(undefined, 'always DaemonSet')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, DaemonSetSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, DaemonSetStatusSchema, 'what has been reached', { default: {} })),
});

export type DaemonSet = Static<typeof DaemonSetSchema>;

function applyDaemonSetDefaults({ spec }: DaemonSet): void {
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec);
  if (spec.updateStrategy.type !== 'RollingUpdate') return;
  spec.updateStrategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy.rollingUpdate };
}

export const DaemonSetKind = defineKind<DaemonSet>(KIND_NAMES.DaemonSet, {
  shortNames: ['ds'],
  categories: ['all'],
  subresources: { status: true },
  applyDefaults: applyDaemonSetDefaults,
  columns: [
    nameColumn(),
    {
      name: 'Desired',
      type: 'integer',
      description: 'nodes that should have the pod',
      value: ({ status }) => status.desiredNumberScheduled,
    },
    {
      name: 'Current',
      type: 'integer',
      description: 'of these, nodes that have it',
      value: ({ status }) => status.currentNumberScheduled,
    },
    {
      name: 'Ready',
      type: 'integer',
      description: 'of these, nodes with a ready pod',
      value: ({ status }) => status.numberReady,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      description: 'of these, nodes with a pod of the present template',
      value: ({ status }) => status.updatedNumberScheduled ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'of these, nodes with a pod ready for minReadySeconds',
      value: ({ status }) => status.numberAvailable ?? 0,
    },
    {
      name: 'Node Selector',
      type: 'string',
      description: 'labels of the nodes that should have the pod',
      value: ({ spec }) => labelsText(spec.template.spec.nodeSelector),
    },
    ageColumn(),
    ...templateColumns,
  ],
  warnings: ({ spec }) => templateWarnings('spec.template', spec.template),
  validate: checkDaemonSet,
  schema: DaemonSetSchema,
});
