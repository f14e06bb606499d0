/**
 * ControllerRevision: one state of a StatefulSet's or DaemonSet's template, kept for undo. Source: Kubernetes API reference,
 * apps/v1 ControllerRevision.
 */
import type { Static } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { jsonEqual } from '../machinery/json.ts';
import { controllerOf } from '../machinery/owner-references.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int64, object, raw, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkNotNegative, invalidValue, requiredValue } from './validation/field-error.ts';

export const ControllerRevisionSchema = object('ControllerRevision', "One state of a workload's template, for undo", {
  apiVersion: defaulted(str(undefined, 'always apps/v1')),
  kind: defaulted(str(undefined, 'always ControllerRevision')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  data: raw(2, 'a patch that brings the state back; cannot change'),
  revision: required(int64(3, 'counts the states; the highest is in force', { default: 0 })),
});

export type ControllerRevision = Static<typeof ControllerRevisionSchema>;

function checkControllerRevision({ data, revision }: ControllerRevision, old?: ControllerRevision): FieldError[] {
  return [
    ...checkNotNegative('revision', revision),
    ...(data === undefined ? [requiredValue('data', 'data is mandatory')] : []),
    ...(old !== undefined && !jsonEqual(data, old.data) ? [invalidValue('data', data, 'field is immutable')] : []),
  ];
}

/** `statefulset.apps/web`. */
function controllerText(revision: ControllerRevision): string {
  const controller = controllerOf(revision);
  if (controller === undefined) return '<none>';
  const [group = '', version] = controller.apiVersion.split('/');
  const kind = controller.kind.toLowerCase();
  return `${version === undefined ? kind : `${kind}.${group}`}/${controller.name}`;
}

export const ControllerRevisionKind = defineKind<ControllerRevision>(KIND_NAMES.ControllerRevision, {
  columns: [
    nameColumn(),
    { name: 'Controller', type: 'string', description: 'the workload', value: controllerText },
    { name: 'Revision', type: 'integer', description: 'counts the states', value: ({ revision }) => revision },
    ageColumn(),
  ],
  validate: checkControllerRevision,
  schema: ControllerRevisionSchema,
});
