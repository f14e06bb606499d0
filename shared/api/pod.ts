/** Pod: containers that run together on one node. Source: Kubernetes API reference, core/v1 Pod. */
import type { Static } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { jsonEqual } from '../machinery/json.ts';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { podColumns } from './columns/pod.ts';
import { KIND_NAMES } from './kind-names.ts';
import { applyPodDefaults } from './pod-defaults.ts';
import { type PodSpec, PodSpecSchema } from './pod-spec.ts';
import { PodStatusSchema } from './pod-status.ts';
import { forbiddenValue } from './validation/field-error.ts';
import { checkPodSpec } from './validation/pod-spec.ts';
import { checkPodUpdate } from './validation/pod-update.ts';
import { podSpecWarnings } from './validation/pod-warnings.ts';

export const PodSchema = object('Pod', 'Containers that run together on one node', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Pod')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, PodSpecSchema, 'what runs and where it may run', { default: {} })),
  status: defaulted(ref(3, PodStatusSchema, 'what is known of it', { default: {} })),
});

export type Pod = Static<typeof PodSchema>;

function validatePod({ spec }: Pod, old?: Pod): FieldError[] {
  if (old === undefined) return [...checkPodSpec('spec', spec), ...checkNoEphemeral(spec)];
  // A change of status or labels only: what was accepted once stays accepted.
  if (jsonEqual(spec, old.spec)) return [];
  return [...checkPodSpec('spec', spec), ...checkPodUpdate(spec, old.spec)];
}

function checkNoEphemeral({ ephemeralContainers = [] }: PodSpec): FieldError[] {
  return ephemeralContainers.length === 0
    ? []
    : [forbiddenValue('spec.ephemeralContainers', 'cannot be set on create')];
}

export const PodKind = defineKind<Pod>(KIND_NAMES.Pod, {
  shortNames: ['po'],
  categories: ['all'],
  subresources: { status: true },
  applyDefaults: applyPodDefaults,
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy,
    'spec.schedulerName': ({ spec }) => spec.schedulerName,
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status.phase,
    'status.podIP': ({ status }) => status.podIPs?.[0]?.ip ?? status.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status.nominatedNodeName ?? '',
  },
  validate: validatePod,
  warnings: ({ spec }) => podSpecWarnings('spec', spec),
  schema: PodSchema,
});
