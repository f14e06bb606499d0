/**
 * Affinity: wishes and demands about the node and about neighbours. Source: Kubernetes API reference, core/v1 Affinity.
 */
import type { Static } from 'typebox';
import { int32, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';

export const NodeSelectorRequirementSchema = object('NodeSelectorRequirement', "One test of a node's label or field", {
  key: required(str(1, 'label or field that is tested')),
  operator: required(oneOf(2, ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], 'how its value is compared')),
  values: strings(3, 'values to compare with; one integer for Gt and Lt'),
});

export type NodeSelectorRequirement = Static<typeof NodeSelectorRequirementSchema>;

export const NodeSelectorTermSchema = object(
  'NodeSelectorTerm',
  'Tests of a node that must all hold; an empty term holds for no node',
  {
    matchExpressions: list(1, NodeSelectorRequirementSchema, 'tests of labels'),
    matchFields: list(2, NodeSelectorRequirementSchema, 'tests of fields; metadata.name is the only one'),
  },
  { atomic: true },
);

export type NodeSelectorTerm = Static<typeof NodeSelectorTermSchema>;

export const NodeSelectorSchema = object(
  'NodeSelector',
  'Holds when one of its terms holds',
  {
    nodeSelectorTerms: required(list(1, NodeSelectorTermSchema, 'the terms')),
  },
  { atomic: true },
);

export type NodeSelector = Static<typeof NodeSelectorSchema>;

export const PreferredSchedulingTermSchema = object('PreferredSchedulingTerm', 'A wish about the node', {
  weight: required(int32(1, 'how much it counts, 1 to 100')),
  preference: required(ref(2, NodeSelectorTermSchema, 'what the node should be like')),
});

export type PreferredSchedulingTerm = Static<typeof PreferredSchedulingTermSchema>;

export const NodeAffinitySchema = object('NodeAffinity', 'Demands and wishes about the node', {
  requiredDuringSchedulingIgnoredDuringExecution: ref(
    1,
    NodeSelectorSchema,
    'the node must be like this when the pod is placed',
  ),
  preferredDuringSchedulingIgnoredDuringExecution: list(
    2,
    PreferredSchedulingTermSchema,
    'the node should be like this when the pod is placed',
  ),
});

export type NodeAffinity = Static<typeof NodeAffinitySchema>;

export const PodAffinityTermSchema = object('PodAffinityTerm', 'Some pods, and how near is near', {
  labelSelector: ref(1, LabelSelectorSchema, 'labels of the pods; absent means no pod'),
  namespaces: strings(2, "namespaces of the pods; the pod's own when no namespace is chosen"),
  topologyKey: required(str(3, 'nodes with the same value of this label are near each other')),
  namespaceSelector: ref(4, LabelSelectorSchema, 'labels of namespaces whose pods count'),
  matchLabelKeys: strings(5, "labels whose value must be the same as the pod's own"),
  mismatchLabelKeys: strings(6, "labels whose value must differ from the pod's own"),
});

export type PodAffinityTerm = Static<typeof PodAffinityTermSchema>;

export const WeightedPodAffinityTermSchema = object('WeightedPodAffinityTerm', 'A wish about neighbours', {
  weight: required(int32(1, 'how much it counts, 1 to 100')),
  podAffinityTerm: required(ref(2, PodAffinityTermSchema, 'which pods')),
});

export type WeightedPodAffinityTerm = Static<typeof WeightedPodAffinityTermSchema>;

export const PodAffinitySchema = object('PodAffinity', 'Demands and wishes to be near some pods', {
  requiredDuringSchedulingIgnoredDuringExecution: list(1, PodAffinityTermSchema, 'the pod must be placed near these'),
  preferredDuringSchedulingIgnoredDuringExecution: list(
    2,
    WeightedPodAffinityTermSchema,
    'the pod should be placed near these',
  ),
});

export type PodAffinity = Static<typeof PodAffinitySchema>;

export const PodAntiAffinitySchema = object('PodAntiAffinity', 'Demands and wishes to be away from some pods', {
  requiredDuringSchedulingIgnoredDuringExecution: list(
    1,
    PodAffinityTermSchema,
    'the pod must not be placed near these',
  ),
  preferredDuringSchedulingIgnoredDuringExecution: list(
    2,
    WeightedPodAffinityTermSchema,
    'the pod should not be placed near these',
  ),
});

export type PodAntiAffinity = Static<typeof PodAntiAffinitySchema>;

export const AffinitySchema = object('Affinity', 'Wishes and demands about the place of a pod', {
  nodeAffinity: ref(1, NodeAffinitySchema, 'about the node'),
  podAffinity: ref(2, PodAffinitySchema, 'be near these pods'),
  podAntiAffinity: ref(3, PodAntiAffinitySchema, 'be away from these pods'),
});

export type Affinity = Static<typeof AffinitySchema>;
