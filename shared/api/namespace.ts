/** Namespace: a room of names. Source: Kubernetes API reference, core/v1 Namespace. */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, oneOf, ref, required, str, strings, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';

export const NamespaceSpecSchema = object('NamespaceSpec', 'What is wanted', {
  finalizers: strings(1, 'the namespace stays until this list is empty'),
});

export type NamespaceSpec = Static<typeof NamespaceSpecSchema>;

export const NamespaceConditionSchema = object('NamespaceCondition', "One aspect of a namespace's deletion", {
  type: required(str(1, 'which aspect')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastTransitionTime: time(4, 'when status last changed'),
  reason: str(5, 'why, in one CamelCase word'),
  message: str(6, 'why, for people'),
});

export type NamespaceCondition = Static<typeof NamespaceConditionSchema>;

export const NamespaceStatusSchema = object('NamespaceStatus', 'Where the namespace is in its life', {
  phase: defaulted(
    oneOf(1, ['Active', 'Terminating'], 'Active, or Terminating once it is deleted', { default: 'Active' }),
  ),
  conditions: list(2, NamespaceConditionSchema, 'what keeps a deletion from ending', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type NamespaceStatus = Static<typeof NamespaceStatusSchema>;

export const NamespaceSchema = object('Namespace', 'A room of names for other objects', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Namespace')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, NamespaceSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, NamespaceStatusSchema, 'where it is in its life', { default: {} })),
});

export type Namespace = Static<typeof NamespaceSchema>;

/** Keeps a namespace until the namespace controller has emptied it. */
export const NAMESPACE_FINALIZER = 'kubernetes';

/** Lets selectors choose a namespace by its name. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

function applyNamespaceDefaults({ metadata, spec }: Namespace): void {
  if (metadata.deletionTimestamp === undefined) spec.finalizers ??= [NAMESPACE_FINALIZER];
  if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
}

export const NamespaceKind = defineKind<Namespace>(KIND_NAMES.Namespace, {
  nameRule: 'dns-label',
  shortNames: ['ns'],
  subresources: { status: true },
  applyDefaults: applyNamespaceDefaults,
  columns: [
    nameColumn(),
    { name: 'Status', type: 'string', description: 'Active or Terminating', value: ({ status }) => status.phase },
    ageColumn(),
  ],
  selectableFields: { 'status.phase': ({ status }) => status.phase, name: ({ metadata }) => metadata.name },
  schema: NamespaceSchema,
});
