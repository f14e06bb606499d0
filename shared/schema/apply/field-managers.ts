/**
 * `metadata.managedFields` taken apart: who manages which fields of an object. One entry a manager, way of writing (Apply
 * or Update) and subresource; updates made in different API versions are kept apart too.
 */
import { isJsonArray, isJsonObject } from '../../machinery/json.ts';
import { parseTime } from '../../platform/clock.ts';
import type { ManagedFieldsEntry } from '../object-meta.ts';
import { EMPTY_FIELD_SET, type FieldSet, unionOf } from './field-set.ts';
import { formatFieldsV1, parseFieldsV1 } from './fields-v1.ts';
import { ManagedFieldsError } from './path-element.ts';

export type FieldOperation = 'Apply' | 'Update';

export interface FieldManager {
  readonly manager: string;
  readonly operation: FieldOperation;
  readonly apiVersion: string;
  /** `''` for the object itself. */
  readonly subresource: string;
  /** When the manager last changed something; other managers' writes do not count. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By identity. */
export type FieldManagers = ReadonlyMap<string, FieldManager>;

/** What upstream calls a manager without a name. */
const UNKNOWN_MANAGER = 'unknown';

export function identityOf(entry: Omit<FieldManager, 'fields' | 'time'>): string {
  const { manager, operation, subresource } = entry;
  return JSON.stringify([operation, manager, subresource, operation === 'Apply' ? '' : entry.apiVersion]);
}

/** A manager that owns nothing yet. */
export function newFieldManager(entry: Omit<FieldManager, 'fields' | 'time'>): FieldManager {
  return { ...entry, manager: entry.manager || UNKNOWN_MANAGER, time: undefined, fields: EMPTY_FIELD_SET };
}

/** Throws ManagedFieldsError. */
export function parseManagedFields(entries: readonly ManagedFieldsEntry[]): FieldManagers {
  const managers = entries.map(parseEntry);
  return new Map(managers.map((manager) => [identityOf(manager), manager]));
}

function parseEntry(entry: ManagedFieldsEntry): FieldManager {
  const { manager = '', operation, apiVersion = '', subresource = '', time, fieldsType, fieldsV1 } = entry;
  if (operation !== 'Apply' && operation !== 'Update') {
    throw new ManagedFieldsError('operation must be `Apply` or `Update`');
  }
  if (apiVersion === '') throw new ManagedFieldsError('apiVersion must not be empty');
  if (fieldsType !== 'FieldsV1') throw new ManagedFieldsError('fieldsType must be `FieldsV1`');
  return { manager, operation, apiVersion, subresource, time, fields: parseFieldsV1(fieldsV1) };
}

/** Managers that own nothing are left out; the order is Kubernetes': appliers first, then by time. */
export function formatManagedFields(managers: FieldManagers): ManagedFieldsEntry[] {
  return [...managers.values()]
    .filter(({ fields }) => fields.size > 0)
    .sort(compareManagers)
    .map(formatEntry);
}

function formatEntry({ manager, operation, apiVersion, time, fields, subresource }: FieldManager): ManagedFieldsEntry {
  return {
    ...(manager === '' ? {} : { manager }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: formatFieldsV1(fields),
    ...(subresource === '' ? {} : { subresource }),
  };
}

export function compareManagers(left: FieldManager, right: FieldManager): number {
  return (
    compareTexts(left.operation, right.operation) ||
    secondsOf(left) - secondsOf(right) ||
    compareTexts(left.manager, right.manager) ||
    compareTexts(left.apiVersion, right.apiVersion) ||
    compareTexts(left.subresource, right.subresource)
  );
}

function secondsOf({ time }: FieldManager): number {
  return Math.floor((parseTime(time) ?? 0) / 1000);
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Each manager's fields as `change` leaves them. */
export function mapFields(managers: FieldManagers, change: (fields: FieldSet) => FieldSet): FieldManagers {
  return new Map([...managers].map(([id, manager]) => [id, { ...manager, fields: change(manager.fields) }]));
}

export function allFields(managers: FieldManagers): FieldSet {
  return [...managers.values()].reduce((all, { fields }) => unionOf(all, fields), EMPTY_FIELD_SET);
}

/**
 * The entries that a create, update or patch starts from. Clients may edit managedFields, kubectl does when it moves from
 * client-side to server-side apply; what they send counts if it can be read, on the object itself. A list that is empty or
 * has one empty entry (`[{}]`) starts anew; no list keeps what is stored.
 */
export function requestedManagedFields(
  sent: unknown,
  stored: readonly ManagedFieldsEntry[] | undefined,
  subresource: string,
): readonly ManagedFieldsEntry[] {
  const kept = stored ?? [];
  if (subresource !== '' || !isJsonArray(sent)) return kept;
  const [first] = sent;
  if (sent.length === 0 || (sent.length === 1 && isJsonObject(first) && Object.keys(first).length === 0)) return [];
  const entries = sent.filter(isEntry);
  return entries.length === sent.length && isReadable(entries) ? entries : kept;
}

const TEXT_FIELDS = ['manager', 'operation', 'apiVersion', 'time', 'fieldsType', 'subresource'];

function isEntry(value: unknown): value is ManagedFieldsEntry {
  if (!isJsonObject(value)) return false;
  const fields = value['fieldsV1'];
  const isText = (field: string): boolean => value[field] === undefined || typeof value[field] === 'string';
  return TEXT_FIELDS.every(isText) && (fields === undefined || isJsonObject(fields));
}

function isReadable(entries: readonly ManagedFieldsEntry[]): boolean {
  try {
    parseManagedFields(entries);
    return true;
  } catch (error) {
    if (error instanceof ManagedFieldsError) return false;
    throw error;
  }
}
