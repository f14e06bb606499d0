/**
 * Server-side apply: merges what a manager wants into the live object and keeps the books on who manages what.
 *
 * A manager says with each apply all that it has an opinion on. What it says is set and owned by it; what it said last time
 * and does not say any more is removed, unless somebody else owns it; fields of others cannot be given another value
 * without force. Source: Kubernetes documentation, "Server-Side Apply"; structured-merge-diff.
 */
import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { formatTime } from '../../platform/clock.ts';
import type { ManagedFieldsEntry } from '../object-meta.ts';
import { checkConfig } from './check-config.ts';
import { type Comparison, changedFields, compareObjects, filterComparison, writtenFields } from './compare.ts';
import { type ApplyConflict, findConflicts } from './conflict.ts';
import {
  allFields,
  type FieldManager,
  type FieldManagers,
  formatManagedFields,
  identityOf,
  mapFields,
  newFieldManager,
  parseManagedFields,
} from './field-managers.ts';
import {
  differenceOf,
  equalSets,
  type FieldSet,
  fieldPath,
  fieldSetOf,
  hasPath,
  unionOf,
  withoutSubtrees,
} from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { fitFieldSet } from './fit-field-set.ts';
import { KUBECTL_MANAGER, lastAppliedFields, renewLastApplied } from './last-applied.ts';
import { mergeConfig } from './merge-config.ts';
import { removeDropped } from './remove-dropped.ts';
import { STRIPPED_FIELDS } from './stripped-fields.ts';
import { trackUpdate } from './update-managed-fields.ts';

export interface ApplyOptions {
  /** The stored object; undefined when the apply creates it. */
  live: JsonObject | undefined;
  /** As the client sent it, without defaults: types checked, fields that the schema does not know refused or gone. */
  applied: JsonObject;
  /** `metadata.managedFields` of the live object. */
  managers: readonly ManagedFieldsEntry[];
  manager: string;
  /** Takes fields over from managers that have given them another value. */
  force: boolean;
  schema: TSchema;
  /** `apps/v1`. */
  apiVersion: string;
  /** Through which the apply came; `''` unless said. */
  subresource?: string;
  /** Paths of fields that this endpoint does not change (`[['status']]` on the object itself): nobody comes to own them. */
  resetFields?: readonly (readonly string[])[];
  nowMs: number;
}

export interface Applied {
  ok: true;
  /** The merged object before defaults, without managedFields; it may hold nulls of the configuration and shares parts. */
  object: JsonObject;
  managedFields: ManagedFieldsEntry[];
}

export interface Refused {
  ok: false;
  conflicts: ApplyConflict[];
}

export type ApplyResult = Applied | Refused;

/** Manager of what was there before anybody applied to an object that nobody tracked. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/** Throws ApplyConfigError, and ManagedFieldsError where `managers` cannot be read. */
export function applyConfig(options: ApplyOptions): ApplyResult {
  checkConfig(options.schema, options.applied);
  const apply = prepareApply(options);
  const merge = computeMerge(apply);
  const conflicts = options.force ? [] : conflictsOf(apply, merge);
  if (conflicts.length > 0) return { ok: false, conflicts };
  const isKubectl = options.manager === KUBECTL_MANAGER;
  return {
    ok: true,
    object: isKubectl ? renewLastApplied(merge.object, options.applied) : merge.object,
    managedFields: formatManagedFields(settleManagers(apply, merge)),
  };
}

interface Apply {
  options: ApplyOptions;
  live: JsonObject | undefined;
  /** The applying manager as it was left by its last apply. */
  applier: FieldManager;
  others: FieldManagers;
}

function prepareApply(options: ApplyOptions): Apply {
  const { manager, apiVersion, subresource = '' } = options;
  const live = options.live === undefined ? undefined : withoutManagedFields(options.live);
  const others = new Map(presentManagers(options, live));
  const applier = newFieldManager({ manager, operation: 'Apply', apiVersion, subresource });
  const id = identityOf(applier);
  const last = others.get(id);
  others.delete(id);
  return { options, live, applier: last === undefined ? applier : { ...last, apiVersion }, others };
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (!isJsonObject(metadata)) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

function presentManagers(options: ApplyOptions, live: JsonObject | undefined): FieldManagers {
  const { managers, schema, apiVersion, nowMs } = options;
  const present = mapFields(parseManagedFields(managers), (fields) => fitFieldSet(schema, fields));
  if (live === undefined || present.size > 0) return present;
  const write = { before: undefined, after: live, manager: BEFORE_FIRST_APPLY, schema, apiVersion, nowMs };
  return trackUpdate(present, write);
}

interface Merge {
  object: JsonObject;
  /** What the applier owns from now on. */
  fields: FieldSet;
  /** From the live object to the merged one, without what nobody manages. */
  comparison: Comparison;
}

function computeMerge({ options, live = {}, applier, others }: Apply): Merge {
  const { applied, schema, resetFields = [] } = options;
  const reset = fieldSetOf(resetFields.map(fieldPath));
  const sent = withoutSubtrees(fieldsOf(schema, applied), reset);
  const owned = [sent, STRIPPED_FIELDS].reduce(unionOf, allFields(others));
  const object = removeDropped(schema, mergeConfig(schema, live, applied), { last: applier.fields, owned });
  return {
    object,
    fields: differenceOf(sent, STRIPPED_FIELDS),
    comparison: filterComparison(compareObjects(schema, live, object), reset, STRIPPED_FIELDS),
  };
}

function conflictsOf({ options, live, others }: Apply, { comparison }: Merge): ApplyConflict[] {
  const conflicts = findConflicts(others.values(), writtenFields(comparison));
  if (conflicts.length === 0 || options.manager !== KUBECTL_MANAGER || live === undefined) return conflicts;
  const allowed = lastAppliedFields(options.schema, live, options.apiVersion);
  return conflicts.filter(({ path }) => !hasPath(allowed, path));
}

/** Others keep what they share with the applier: fields whose value has not changed. */
function settleManagers({ options, applier, others }: Apply, { fields, comparison }: Merge): FieldManagers {
  const changed = changedFields(comparison);
  const left = mapFields(others, (owned) => differenceOf(owned, changed));
  const isTouched = changed.size > 0 || !equalSets(fields, applier.fields);
  const time = isTouched ? formatTime(options.nowMs) : applier.time;
  return new Map(left).set(identityOf(applier), { ...applier, fields, time });
}
