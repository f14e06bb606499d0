/**
 * Bodies of authorization requests: may I, and what may I. Source: Kubernetes API reference, authorization.k8s.io/v1.
 */
import type { Static } from 'typebox';
import { bool, defaulted, list, object, ref, required, str, strings } from '../schema/fields.ts';
import { LabelSelectorRequirementSchema } from './label-selector.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';

export const FieldSelectorRequirementSchema = object('FieldSelectorRequirement', 'One test of a field', {
  key: required(str(1, 'field that is tested')),
  operator: required(str(2, 'how its value is compared')),
  values: strings(3, 'values to compare with'),
});

export type FieldSelectorRequirement = Static<typeof FieldSelectorRequirementSchema>;

export const FieldSelectorAttributesSchema = object('FieldSelectorAttributes', 'Field selector of the request', {
  rawSelector: str(1, 'in the form of a query parameter'),
  requirements: list(2, FieldSelectorRequirementSchema, 'as tests'),
});

export type FieldSelectorAttributes = Static<typeof FieldSelectorAttributesSchema>;

export const LabelSelectorAttributesSchema = object('LabelSelectorAttributes', 'Label selector of the request', {
  rawSelector: str(1, 'in the form of a query parameter'),
  requirements: list(2, LabelSelectorRequirementSchema, 'as tests'),
});

export type LabelSelectorAttributes = Static<typeof LabelSelectorAttributesSchema>;

export const ResourceAttributesSchema = object('ResourceAttributes', 'A request for objects', {
  namespace: str(1, 'namespace of the request; empty for all of them'),
  verb: str(2, 'such as get, list or create'),
  group: str(3, 'group of the resource'),
  version: str(4, 'version of the resource'),
  resource: str(5, 'plural name of the resource'),
  subresource: str(6, 'subresource'),
  name: str(7, 'name of the object; empty for all of them'),
  fieldSelector: ref(8, FieldSelectorAttributesSchema, 'field selector of the request'),
  labelSelector: ref(9, LabelSelectorAttributesSchema, 'label selector of the request'),
});

export type ResourceAttributes = Static<typeof ResourceAttributesSchema>;

export const NonResourceAttributesSchema = object('NonResourceAttributes', 'A request for a path that is no object', {
  path: str(1, 'path of the request'),
  verb: str(2, 'such as get'),
});

export type NonResourceAttributes = Static<typeof NonResourceAttributesSchema>;

export const SelfSubjectAccessReviewSpecSchema = object(
  'SelfSubjectAccessReviewSpec',
  'The request in question; exactly one is set',
  {
    resourceAttributes: ref(1, ResourceAttributesSchema, 'a request for objects'),
    nonResourceAttributes: ref(2, NonResourceAttributesSchema, 'a request for another path'),
  },
);

export type SelfSubjectAccessReviewSpec = Static<typeof SelfSubjectAccessReviewSpecSchema>;

export const SubjectAccessReviewStatusSchema = object('SubjectAccessReviewStatus', 'The answer', {
  allowed: required(bool(1, 'whether it is allowed')),
  denied: bool(4, 'whether it is forbidden for good, beyond not being allowed'),
  reason: str(2, 'why'),
  evaluationError: str(3, 'what went wrong meanwhile'),
});

export type SubjectAccessReviewStatus = Static<typeof SubjectAccessReviewStatusSchema>;

export const SelfSubjectAccessReviewSchema = object(
  'SelfSubjectAccessReview',
  'Asks whether the caller may do something',
  {
    apiVersion: defaulted(str(undefined, 'always authorization.k8s.io/v1')),
    kind: defaulted(str(undefined, 'always SelfSubjectAccessReview')),
    metadata: defaulted(ref(1, PartialObjectMetaSchema, 'names, labels and versions', { default: {} })),
    spec: defaulted(ref(2, SelfSubjectAccessReviewSpecSchema, 'the request in question', { default: {} })),
    status: ref(3, SubjectAccessReviewStatusSchema, 'the answer'),
  },
);

export type SelfSubjectAccessReview = Static<typeof SelfSubjectAccessReviewSchema>;

export const SelfSubjectRulesReviewSpecSchema = object('SelfSubjectRulesReviewSpec', 'The namespace in question', {
  namespace: str(1, 'the namespace'),
});

export type SelfSubjectRulesReviewSpec = Static<typeof SelfSubjectRulesReviewSpecSchema>;

export const ResourceRuleSchema = object('ResourceRule', 'Requests for objects that are allowed', {
  verbs: required(strings(1, 'verbs; * for all')),
  apiGroups: strings(2, 'groups; * for all'),
  resources: strings(3, 'plural names; * for all'),
  resourceNames: strings(4, 'names; empty for all'),
});

export type ResourceRule = Static<typeof ResourceRuleSchema>;

export const NonResourceRuleSchema = object('NonResourceRule', 'Other paths that are allowed', {
  verbs: required(strings(1, 'verbs; * for all')),
  nonResourceURLs: strings(2, 'paths; * for all'),
});

export type NonResourceRule = Static<typeof NonResourceRuleSchema>;

export const SubjectRulesReviewStatusSchema = object('SubjectRulesReviewStatus', 'The answer', {
  resourceRules: required(list(1, ResourceRuleSchema, 'requests for objects')),
  nonResourceRules: required(list(2, NonResourceRuleSchema, 'requests for other paths')),
  incomplete: required(bool(3, 'whether there may be more')),
  evaluationError: str(4, 'what went wrong meanwhile'),
});

export type SubjectRulesReviewStatus = Static<typeof SubjectRulesReviewStatusSchema>;

export const SelfSubjectRulesReviewSchema = object(
  'SelfSubjectRulesReview',
  'Asks what the caller may do in a namespace',
  {
    apiVersion: defaulted(str(undefined, 'always authorization.k8s.io/v1')),
    kind: defaulted(str(undefined, 'always SelfSubjectRulesReview')),
    metadata: defaulted(ref(1, PartialObjectMetaSchema, 'names, labels and versions', { default: {} })),
    spec: defaulted(ref(2, SelfSubjectRulesReviewSpecSchema, 'the namespace in question', { default: {} })),
    status: ref(3, SubjectRulesReviewStatusSchema, 'the answer'),
  },
);

export type SelfSubjectRulesReview = Static<typeof SelfSubjectRulesReviewSchema>;
