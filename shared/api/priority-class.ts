/**
 * PriorityClass: a name for how important pods are. Source: Kubernetes API reference, scheduling.k8s.io/v1 PriorityClass.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { bool, defaulted, int32, object, oneOf, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkPriorityClass } from './validation/priority-class.ts';

export const PriorityClassSchema = object('PriorityClass', 'A name for how important pods are', {
  apiVersion: defaulted(str(undefined, 'always scheduling.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always PriorityClass')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  value: required(int32(2, 'the priority; a higher one goes first; cannot change')),
  globalDefault: bool(3, 'the class of pods that name none'),
  description: str(4, 'when to use the class, for people'),
  preemptionPolicy: defaulted(
    oneOf(5, ['PreemptLowerPriority', 'Never'], 'whether its pods may push others aside; cannot change', {
      default: 'PreemptLowerPriority',
    }),
  ),
});

export type PriorityClass = Static<typeof PriorityClassSchema>;

export const PriorityClassKind = defineKind<PriorityClass>(KIND_NAMES.PriorityClass, {
  shortNames: ['pc'],
  columns: [
    nameColumn(),
    { name: 'Value', type: 'integer', description: 'the priority', value: ({ value }) => value },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'the class of pods that name none',
      value: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn(),
    {
      name: 'PreemptionPolicy',
      type: 'string',
      description: 'whether its pods may push others aside',
      value: ({ preemptionPolicy }) => preemptionPolicy,
    },
  ],
  validate: checkPriorityClass,
  schema: PriorityClassSchema,
});
