/** Rules for what every object carries. Pure. Source: Kubernetes API reference, ObjectMeta; k8s.io/apimachinery validation. */
import type { FieldError } from '../../../shared/machinery/errors.ts';
import {
  validateDns1035Label,
  validateDns1123Label,
  validateDns1123Subdomain,
  validateLabelValue,
  validatePathSegment,
  validateQualifiedName,
} from '../../../shared/machinery/names.ts';
import type { NameRule } from '../../../shared/schema/define-kind.ts';
import type { ObjectMeta, OwnerReference } from '../../../shared/schema/object-meta.ts';
import type { AnyKind } from '../storage/api-object.ts';

/** Keys and values of all annotations together, as upstream. */
const MAX_ANNOTATIONS_CHARS = 256 * 1024;

const NAME_RULES: Record<NameRule, (name: string) => string[]> = {
  'dns-subdomain': validateDns1123Subdomain,
  'dns-label': validateDns1123Label,
  'dns-1035-label': validateDns1035Label,
  'path-segment': validatePathSegment,
};

/** What a new object must satisfy; its name has been given to it before. */
export function validateNewMeta(kind: AnyKind, metadata: ObjectMeta): FieldError[] {
  return [...nameErrors(kind, metadata), ...commonErrors(metadata)];
}

/** What a changed object must satisfy; server-kept fields have been carried over before. */
export function validateChangedMeta(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  return [...commonErrors(metadata), ...lateFinalizerErrors(metadata, old)];
}

function nameErrors(kind: AnyKind, { name }: ObjectMeta): FieldError[] {
  if (!name) {
    return [{ type: 'required', field: 'metadata.name', message: 'Required value: name or generateName is required' }];
  }
  const rule = NAME_RULES[kind.nameRule ?? 'dns-subdomain'];
  return rule(name).map((complaint) => invalidValue('metadata.name', name, complaint));
}

function commonErrors(metadata: ObjectMeta): FieldError[] {
  return [
    ...labelErrors(metadata.labels ?? {}),
    ...annotationErrors(metadata.annotations ?? {}),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...(metadata.finalizers ?? []).flatMap((finalizer) =>
      validateQualifiedName(finalizer).map((complaint) => invalidValue('metadata.finalizers', finalizer, complaint)),
    ),
  ];
}

function labelErrors(labels: Readonly<Record<string, string>>): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...validateQualifiedName(key).map((complaint) => invalidValue('metadata.labels', key, complaint)),
    ...validateLabelValue(value).map((complaint) => invalidValue('metadata.labels', value, complaint)),
  ]);
}

function annotationErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(annotations);
  const chars = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const errors = entries.flatMap(([key]) =>
    // Upstream checks the key in lower case: old annotations have capitals in their prefix.
    validateQualifiedName(key.toLowerCase()).map((complaint) => invalidValue('metadata.annotations', key, complaint)),
  );
  if (chars <= MAX_ANNOTATIONS_CHARS) return errors;
  const message = `Too long: may not be more than ${MAX_ANNOTATIONS_CHARS} bytes`;
  return [...errors, { type: 'tooLong', field: 'metadata.annotations', message }];
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const controllers = owners.filter(({ controller }) => controller);
  const empty = owners.flatMap((owner) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => owner[field] === '')
      .map((field): FieldError => {
        const message = `Invalid value: "": ${field} must not be empty`;
        return { type: 'invalid', field: `metadata.ownerReferences.${field}`, message };
      }),
  );
  if (controllers.length <= 1) return empty;
  const names = controllers.map(({ name }) => name).join(', ');
  const message = `Invalid value: only one reference can have Controller set to true, these have: ${names}`;
  return [...empty, { type: 'invalid', field: 'metadata.ownerReferences', message }];
}

/** Nobody may hold up a deletion that has begun. */
function lateFinalizerErrors(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
  if (added.length === 0) return [];
  const shown = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  const rule = 'no new finalizers can be added if the object is being deleted';
  const message = `Forbidden: ${rule}, found new finalizers []string{${shown}}`;
  return [{ type: 'forbidden', field: 'metadata.finalizers', message }];
}

function invalidValue(field: string, value: string, complaint: string): FieldError {
  return { type: 'invalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${complaint}` };
}
