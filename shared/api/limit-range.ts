/**
 * LimitRange: what a single pod, container or claim of a namespace may ask for, and what it gets when it asks for nothing.
 * Source: Kubernetes API reference, core/v1 LimitRange.
 */
import type { Static } from 'typebox';
import { defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, quantities, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { createdAtColumn } from './columns/created-at.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkLimitRange } from './validation/limit-range.ts';

export const LimitRangeItemSchema = object('LimitRangeItem', 'Bounds of one type of object', {
  type: required(str(1, 'Pod, Container or PersistentVolumeClaim')),
  max: quantities(2, 'most of each resource'),
  min: quantities(3, 'least of each resource'),
  default: quantities(4, 'limits of a container that has none'),
  defaultRequest: quantities(5, 'requests of a container that has none'),
  maxLimitRequestRatio: quantities(6, 'how many times a limit may exceed the request'),
});

export type LimitRangeItem = Static<typeof LimitRangeItemSchema>;

export const LimitRangeSpecSchema = object('LimitRangeSpec', 'The bounds', {
  limits: required(list(1, LimitRangeItemSchema, 'bounds by type of object', { default: [] })),
});

export type LimitRangeSpec = Static<typeof LimitRangeSpecSchema>;

export const LimitRangeSchema = object('LimitRange', 'What a single pod, container or claim may ask for', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always LimitRange')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, LimitRangeSpecSchema, 'the bounds', { default: {} })),
});

export type LimitRange = Static<typeof LimitRangeSchema>;

/** A container's default limit is its maximum; its default request is the default limit, or else its minimum. */
function applyLimitRangeDefaults({ spec }: LimitRange): void {
  for (const item of spec.limits) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
}

export const LimitRangeKind = defineKind<LimitRange>(KIND_NAMES.LimitRange, {
  shortNames: ['limits'],
  columns: [nameColumn(), createdAtColumn()],
  applyDefaults: applyLimitRangeDefaults,
  validate: ({ spec }) => checkLimitRange(spec.limits),
  schema: LimitRangeSchema,
});
