/** Takes a draft through the steps that the API server takes: normalize, default, check. */
import { assert } from '../../../shared/platform/assert.ts';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';
import type { Kind, TableContext } from '../../../shared/schema/define-kind.ts';
import { normalizeObject } from '../../../shared/schema/normalize.ts';
import type { Draft, KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { validateObject } from '../../../shared/schema/validate.ts';

export interface Admitted<T> {
  object: T;
  /** `spec.containers[0].image: Required value`. */
  complaints: string[];
  /** Nothing is missing and every value is one that the schema allows. */
  isSound: boolean;
}

export const NOW_MS = Date.parse('2026-11-22T12:00:00Z');

/** What the server would store, and what it would complain about. `old` is the stored object of an update. */
export function admit<T extends KubernetesObject>(kind: Kind<T>, draft: Draft<T>, old?: T): Admitted<T> {
  const metadata = { name: 'web', namespace: 'default', creationTimestamp: '2026-11-22T10:00:00Z', ...draft.metadata };
  const object = normalizeObject(kind.schema, { ...draft, metadata }) as T;
  applySchemaDefaults(kind.schema, object);
  const { typeErrors, errors, unknownFields } = validateObject(kind.schema, object);
  assert(typeErrors.length + unknownFields.length === 0, JSON.stringify([typeErrors, unknownFields]));
  kind.applyDefaults?.(object);
  const all = [...errors, ...(kind.validate?.(object, old) ?? [])];
  const complaints = all.map(({ field, message }) => `${field}: ${message}`);
  return { object, complaints, isSound: errors.length === 0 };
}

/** The stored object of a draft that must be fine. */
export function stored<T extends KubernetesObject>(kind: Kind<T>, draft: Draft<T>): T {
  const { object, complaints } = admit(kind, draft);
  assert(complaints.length === 0, complaints.join('\n'));
  return object;
}

/** Cells by column name. */
export function cells<T extends KubernetesObject>(
  kind: Kind<T>,
  object: T,
  context: Partial<TableContext> = {},
): Record<string, string | number | boolean> {
  const entries = kind.columns.map((column) => [column.name, column.value(object, { nowMs: NOW_MS, ...context })]);
  return Object.fromEntries(entries);
}
