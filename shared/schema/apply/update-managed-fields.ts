/**
 * Who manages what after an ordinary create, update or patch: the writer manages the fields that it gave a value, everybody
 * else loses these and the ones that are gone.
 */
import type { TSchema } from 'typebox';
import { type JsonObject, jsonEqual } from '../../machinery/json.ts';
import { formatTime } from '../../platform/clock.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../object-meta.ts';
import { capUpdateManagers } from './cap-managers.ts';
import { type Comparison, changedFields, compareObjects, filterComparison, writtenFields } from './compare.ts';
import { emptyObject } from './empty-object.ts';
import {
  type FieldManager,
  type FieldManagers,
  formatManagedFields,
  identityOf,
  mapFields,
  newFieldManager,
  parseManagedFields,
} from './field-managers.ts';
import { differenceOf, equalSets, fieldPath, fieldSetOf, unionOf } from './field-set.ts';
import { fitFieldSet } from './fit-field-set.ts';
import { STRIPPED_FIELDS } from './stripped-fields.ts';

export interface UpdateOptions {
  /** The stored object; undefined for a create. */
  before: JsonObject | undefined;
  /** The object as it will be stored, defaults and all; its metadata.managedFields are not looked at. */
  after: JsonObject;
  /** What the managers owned before: see requestedManagedFields. */
  managers: readonly ManagedFieldsEntry[];
  manager: string;
  /** Through which the write came: `status`, `scale`; `''` unless said. */
  subresource?: string;
  schema: TSchema;
  /** `apps/v1`. */
  apiVersion: string;
  /** Paths of fields that this endpoint does not change (`[['status']]` on the object itself): nobody comes to own them. */
  resetFields?: readonly (readonly string[])[];
  nowMs: number;
}

/**
 * The managedFields of `after`; empty where nothing is tracked: an object without managers stays without them until it is
 * applied. Throws ManagedFieldsError for managers that requestedManagedFields did not choose.
 */
export function updateManagedFields(options: UpdateOptions): ManagedFieldsEntry[] {
  const { before, managers, schema } = options;
  if (managers.length === 0 && before !== undefined) return [];
  const present = mapFields(parseManagedFields(managers), (fields) => fitFieldSet(schema, fields));
  return formatManagedFields(capUpdateManagers(trackUpdate(present, options)));
}

export type TrackOptions = Omit<UpdateOptions, 'managers'>;

export function trackUpdate(managers: FieldManagers, options: TrackOptions): FieldManagers {
  const { before, after, schema, resetFields = [] } = options;
  const comparison = compareObjects(schema, before ?? emptyObject(schema), after);
  const tracked = filterComparison(comparison, fieldSetOf(resetFields.map(fieldPath)), STRIPPED_FIELDS);
  const changed = changedFields(tracked);
  if (changed.size === 0) return managers;
  const writer = writerOf(options);
  const present = managers.get(identityOf(writer)) ?? writer;
  const left = mapFields(managers, (fields) => differenceOf(fields, changed));
  return new Map(left).set(identityOf(writer), writtenBy(present, tracked, options));
}

function writerOf({ manager, apiVersion, subresource = '' }: TrackOptions): FieldManager {
  return newFieldManager({ manager, operation: 'Update', apiVersion, subresource });
}

/** A write that only takes away what others own leaves the writer's time as it is. */
function writtenBy(present: FieldManager, comparison: Comparison, { nowMs }: TrackOptions): FieldManager {
  const written = writtenFields(comparison);
  const fields = unionOf(differenceOf(present.fields, changedFields(comparison)), written);
  const isTouched = written.size > 0 || !equalSets(fields, present.fields);
  return { ...present, fields, time: isTouched ? formatTime(nowMs) : present.time };
}

/**
 * For the last look before an object is stored: when nothing but times of managers would change, `next` gets the stored
 * times, so that a write without effect (defaults and the server's own fields may undo it) stays one.
 */
export function keepTimes<T extends KubernetesObject>(current: KubernetesObject, next: T): T {
  const { managedFields } = current.metadata;
  if (managedFields === undefined || !jsonEqual(withoutTimes(current), withoutTimes(next))) return next;
  return { ...next, metadata: { ...next.metadata, managedFields } };
}

function withoutTimes(object: KubernetesObject): KubernetesObject {
  const managedFields = object.metadata.managedFields?.map((entry) => ({ ...entry, time: undefined }));
  return { ...object, metadata: { ...object.metadata, managedFields } };
}
