/**
 * Deployment: replicas of a pod and how a new version replaces the old one. Source: Kubernetes API reference, apps/v1
 * Deployment.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  bool,
  defaulted,
  int32,
  int64,
  intOrString,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  time,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { templateColumns } from './columns/workload.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { PodTemplateSpecSchema } from './pod-template.ts';
import { templateWarnings } from './validation/pod-warnings.ts';
import { checkRollout } from './validation/rollout.ts';
import { checkWorkload } from './validation/workload.ts';

export const RollingUpdateDeploymentSchema = object('RollingUpdateDeployment', 'How fast pods are replaced', {
  maxUnavailable: defaulted(
    intOrString(1, 'pods that may be missing meanwhile, a number or a percentage', { default: '25%' }),
  ),
  maxSurge: defaulted(
    intOrString(2, 'pods that may be too many meanwhile, a number or a percentage', { default: '25%' }),
  ),
});

export type RollingUpdateDeployment = Static<typeof RollingUpdateDeploymentSchema>;

export const DeploymentStrategySchema = object('DeploymentStrategy', 'How new pods replace old ones', {
  type: defaulted(oneOf(1, ['RollingUpdate', 'Recreate'], 'all at once or step by step', { default: 'RollingUpdate' })),
  rollingUpdate: ref(2, RollingUpdateDeploymentSchema, 'speed of a step-by-step replacement'),
});

export type DeploymentStrategy = Static<typeof DeploymentStrategySchema>;

export const DeploymentSpecSchema = object('DeploymentSpec', 'What is wanted', {
  replicas: defaulted(int32(1, 'number of pods', { default: 1 })),
  selector: required(ref(2, LabelSelectorSchema, "chooses the pods; must match the template's labels; cannot change")),
  template: required(ref(3, PodTemplateSpecSchema, 'what the pods look like')),
  strategy: defaulted(
    ref(4, DeploymentStrategySchema, 'how new pods replace old ones', { default: {}, patchStrategy: 'retainKeys' }),
  ),
  minReadySeconds: int32(5, 'how long a new pod must be ready before it counts as available'),
  revisionHistoryLimit: defaulted(int32(6, 'old ReplicaSets kept for undo', { default: 10 })),
  paused: bool(7, 'changes are stored and not rolled out'),
  progressDeadlineSeconds: defaulted(
    int32(9, 'a roll-out without progress for this long counts as failed', { default: 600 }),
  ),
});

export type DeploymentSpec = Static<typeof DeploymentSpecSchema>;

export const DeploymentConditionSchema = object('DeploymentCondition', "One aspect of a deployment's present state", {
  type: required(str(1, 'which aspect: Available, Progressing or ReplicaFailure')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  reason: str(4, 'why, in one CamelCase word'),
  message: str(5, 'why, for people'),
  lastUpdateTime: time(6, 'when it was last changed'),
  lastTransitionTime: time(7, 'when status last changed'),
});

export type DeploymentCondition = Static<typeof DeploymentConditionSchema>;

export const DeploymentStatusSchema = object('DeploymentStatus', 'What has been reached', {
  observedGeneration: int64(1, 'generation that this status is about'),
  replicas: int32(2, 'pods of the deployment'),
  updatedReplicas: int32(3, 'pods made from the present template'),
  readyReplicas: int32(7, 'pods that are ready'),
  availableReplicas: int32(4, 'pods ready for minReadySeconds'),
  unavailableReplicas: int32(5, 'pods missing to the wanted number'),
  terminatingReplicas: int32(9, 'pods that are being deleted'),
  conditions: list(6, DeploymentConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
  collisionCount: int32(8, "name clashes so far; goes into the ReplicaSets' hashes"),
});

export type DeploymentStatus = Static<typeof DeploymentStatusSchema>;

export const DeploymentSchema = object(
  'Deployment',
  'Replicas of a pod, replaced step by step when the template changes',
  {
    apiVersion: defaulted(str(undefined, 'always apps/v1')),
    kind: defaulted(str(undefined, 'always Deployment')),
    metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
    spec: defaulted(ref(2, DeploymentSpecSchema, 'what is wanted', { default: {} })),
    status: defaulted(ref(3, DeploymentStatusSchema, 'what has been reached', { default: {} })),
  },
);

export type Deployment = Static<typeof DeploymentSchema>;

function applyDeploymentDefaults({ spec }: Deployment): void {
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec);
  if (spec.strategy.type !== 'RollingUpdate') return;
  spec.strategy.rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...spec.strategy.rollingUpdate };
}

export const DeploymentKind = defineKind<Deployment>(KIND_NAMES.Deployment, {
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: {
    status: true,
    scale: {
      specReplicasPath: ['spec', 'replicas'],
      statusReplicasPath: ['status', 'replicas'],
      selectorPath: ['spec', 'selector'],
    },
  },
  applyDefaults: applyDeploymentDefaults,
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      description: 'pods that are ready, of the wanted number',
      value: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      description: 'pods made from the present template',
      value: ({ status }) => status.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'pods ready for minReadySeconds',
      value: ({ status }) => status.availableReplicas ?? 0,
    },
    ageColumn(),
    ...templateColumns,
  ],
  warnings: ({ spec }) => templateWarnings('spec.template', spec.template),
  validate: ({ spec }, old) => [...checkWorkload('deployment', spec, old?.spec), ...checkRollout(spec)],
  schema: DeploymentSchema,
});
