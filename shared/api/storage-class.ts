/**
 * StorageClass: who makes volumes for the claims of this class, and when. Source: Kubernetes API reference,
 * storage.k8s.io/v1 StorageClass.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { bool, defaulted, list, object, oneOf, ref, required, str, stringMap, strings } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkStorageClass } from './validation/storage-class.ts';

export const TopologySelectorLabelRequirementSchema = object(
  'TopologySelectorLabelRequirement',
  "One test of a node's label",
  {
    key: required(str(1, 'label that is tested')),
    values: required(strings(2, 'values, one of which it must have')),
  },
);

export type TopologySelectorLabelRequirement = Static<typeof TopologySelectorLabelRequirementSchema>;

export const TopologySelectorTermSchema = object(
  'TopologySelectorTerm',
  'Tests of a node that must all hold',
  {
    matchLabelExpressions: list(1, TopologySelectorLabelRequirementSchema, 'tests of labels'),
  },
  { atomic: true },
);

export type TopologySelectorTerm = Static<typeof TopologySelectorTermSchema>;

export const StorageClassSchema = object('StorageClass', 'Who makes volumes for claims of this class, and when', {
  apiVersion: defaulted(str(undefined, 'always storage.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always StorageClass')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  provisioner: required(str(2, 'who makes the volumes')),
  parameters: stringMap(3, "the provisioner's own options"),
  reclaimPolicy: defaulted(
    oneOf(4, ['Delete', 'Retain', 'Recycle'], 'what becomes of its volumes when their claims are gone', {
      default: 'Delete',
    }),
  ),
  mountOptions: strings(5, 'mount options of its volumes'),
  allowVolumeExpansion: bool(6, 'whether its volumes can grow'),
  volumeBindingMode: defaulted(
    oneOf(7, ['Immediate', 'WaitForFirstConsumer'], 'when a claim gets its volume', { default: 'Immediate' }),
  ),
  allowedTopologies: list(8, TopologySelectorTermSchema, 'nodes that its volumes can be on'),
});

export type StorageClass = Static<typeof StorageClassSchema>;

/** Marks the class of claims that name none. */
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';

const BETA_DEFAULT_CLASS_ANNOTATION = 'storageclass.beta.kubernetes.io/is-default-class';

export function isDefaultStorageClass({ metadata }: Pick<StorageClass, 'metadata'>): boolean {
  const { annotations = {} } = metadata;
  return annotations[DEFAULT_CLASS_ANNOTATION] === 'true' || annotations[BETA_DEFAULT_CLASS_ANNOTATION] === 'true';
}

/** The class of claims that name none: of several defaults the newest, then the first by name. */
export function defaultStorageClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const rank = ({ metadata }: StorageClass): string => metadata.creationTimestamp;
  const [first] = classes
    .filter(isDefaultStorageClass)
    .sort((a, b) => (rank(a) === rank(b) ? (a.metadata.name < b.metadata.name ? -1 : 1) : rank(a) < rank(b) ? 1 : -1));
  return first;
}

export const StorageClassKind = defineKind<StorageClass>(KIND_NAMES.StorageClass, {
  shortNames: ['sc'],
  columns: [
    {
      ...nameColumn(),
      value: (object) => `${object.metadata.name}${isDefaultStorageClass(object) ? ' (default)' : ''}`,
    },
    {
      name: 'Provisioner',
      type: 'string',
      description: 'who makes the volumes',
      value: (object) => object.provisioner,
    },
    {
      name: 'ReclaimPolicy',
      type: 'string',
      description: 'what becomes of its volumes when their claims are gone',
      value: (object) => object.reclaimPolicy,
    },
    {
      name: 'VolumeBindingMode',
      type: 'string',
      description: 'when a claim gets its volume',
      value: (object) => object.volumeBindingMode,
    },
    {
      name: 'AllowVolumeExpansion',
      type: 'boolean',
      description: 'whether its volumes can grow',
      value: (object) => object.allowVolumeExpansion ?? false,
    },
    ageColumn(),
  ],
  validate: checkStorageClass,
  schema: StorageClassSchema,
});
