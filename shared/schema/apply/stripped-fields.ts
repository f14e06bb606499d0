/**
 * Fields that nobody manages, because they say which object it is or because only the server sets them.
 * Source: Kubernetes documentation, "Server-Side Apply"; the list is the one of kube-apiserver.
 */
import { type FieldSet, fieldPath, fieldSetOf } from './field-set.ts';

const METADATA_FIELDS = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

/** `metadata` itself is one of them, its labels are not. */
export const STRIPPED_FIELDS: FieldSet = fieldSetOf(
  [['apiVersion'], ['kind'], ['metadata'], ...METADATA_FIELDS.map((name) => ['metadata', name])].map(fieldPath),
);
