/**
 * PodDisruptionBudget: how many pods of a selection may be missing because somebody wants it. Evictions respect it. Source:
 * Kubernetes API reference, policy/v1 PodDisruptionBudget.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
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
  timeMap,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { ConditionSchema } from './condition.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { checkDisruptionBudget } from './validation/pod-disruption-budget.ts';

export const PodDisruptionBudgetSpecSchema = object('PodDisruptionBudgetSpec', 'What must not be disturbed', {
  minAvailable: intOrString(1, 'pods that must stay healthy, a number or a percentage'),
  selector: ref(2, LabelSelectorSchema, 'chooses the pods; an empty one chooses all of the namespace', {
    patchStrategy: 'replace',
  }),
  maxUnavailable: intOrString(3, 'pods that may be missing, a number or a percentage; instead of minAvailable'),
  unhealthyPodEvictionPolicy: oneOf(
    4,
    ['IfHealthyBudget', 'AlwaysAllow'],
    'whether running pods that are not ready may go at any time',
  ),
});

export type PodDisruptionBudgetSpec = Static<typeof PodDisruptionBudgetSpecSchema>;

export const PodDisruptionBudgetStatusSchema = object('PodDisruptionBudgetStatus', 'How many may go right now', {
  observedGeneration: int64(1, 'generation that this status is about'),
  disruptedPods: timeMap(2, 'pods whose eviction was allowed and has not been seen yet'),
  disruptionsAllowed: required(int32(3, 'pods that may be evicted right now', { default: 0 })),
  currentHealthy: required(int32(4, 'healthy pods', { default: 0 })),
  desiredHealthy: required(int32(5, 'fewest healthy pods', { default: 0 })),
  expectedPods: required(int32(6, 'pods that there should be', { default: 0 })),
  conditions: list(7, ConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type PodDisruptionBudgetStatus = Static<typeof PodDisruptionBudgetStatusSchema>;

export const PodDisruptionBudgetSchema = object('PodDisruptionBudget', 'How many pods may be missing on purpose', {
  apiVersion: defaulted(str(undefined, 'always policy/v1')),
  kind: defaulted(str(undefined, 'always PodDisruptionBudget')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, PodDisruptionBudgetSpecSchema, 'what must not be disturbed', { default: {} })),
  status: defaulted(ref(3, PodDisruptionBudgetStatusSchema, 'how many may go right now', { default: {} })),
});

export type PodDisruptionBudget = Static<typeof PodDisruptionBudgetSchema>;

export const PodDisruptionBudgetKind = defineKind<PodDisruptionBudget>(KIND_NAMES.PodDisruptionBudget, {
  shortNames: ['pdb'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Min Available',
      type: 'string',
      description: 'pods that must stay healthy',
      value: ({ spec }) => String(spec.minAvailable ?? 'N/A'),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'pods that may be missing',
      value: ({ spec }) => String(spec.maxUnavailable ?? 'N/A'),
    },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      description: 'pods that may be evicted right now',
      value: ({ status }) => status.disruptionsAllowed,
    },
    ageColumn(),
  ],
  validate: ({ spec }) => checkDisruptionBudget(spec),
  schema: PodDisruptionBudgetSchema,
});
