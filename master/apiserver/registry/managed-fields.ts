/** Who manages which fields of what is stored: what a write tells shared/schema/apply about itself. */
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { requestedManagedFields } from '../../../shared/schema/apply/field-managers.ts';
import { updateManagedFields } from '../../../shared/schema/apply/update-managed-fields.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import type { ManagedFieldsEntry } from '../../../shared/schema/object-meta.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { strategyOf } from '../strategies/strategy-of.ts';
import type { RegistryDeps } from './registry-deps.ts';
import { isStatusLike } from './status-part.ts';
import type { WriteCall } from './write-call.ts';

type Clock = Pick<RegistryDeps, 'clock'>;

/** What applies and updates have in common. */
export function fieldWrite({ clock }: Clock, call: WriteCall) {
  const { kind, fieldManager, subresource, managedSubresource } = call;
  return {
    manager: fieldManager,
    subresource: managedSubresource ?? subresource,
    schema: kind.schema,
    apiVersion: apiVersionOf(kind),
    resetFields: resetFieldsOf(call),
    nowMs: clock.nowMs(),
  };
}

/** Fields that the endpoint takes from the stored object, whatever was sent. */
function resetFieldsOf({ kind, subresource }: WriteCall): string[][] {
  if (isStatusLike(subresource)) {
    const properties: unknown = Reflect.get(kind.schema, 'properties');
    const fields = isJsonObject(properties) ? Object.keys(properties) : [];
    return fields.filter((field) => field !== 'status').map((field) => [field]);
  }
  return kind.subresources.status && !strategyOf(kind).keepsStatusOnCreate ? [['status']] : [];
}

export function managedFieldsOfCreated(deps: Clock, call: WriteCall, object: ApiObject): ManagedFieldsEntry[] {
  if (!call.startsFieldTracking) return [];
  return updateManagedFields({ ...fieldWrite(deps, call), before: undefined, after: object, managers: [] });
}

export interface ChangedObject {
  current: ApiObject;
  /** After what the server keeps was carried over, before admission: its additions are nobody's. */
  working: ApiObject;
  /** As it was sent or patched: clients may edit managedFields. */
  sent: JsonObject;
}

export function managedFieldsOfChanged(deps: Clock, call: WriteCall, changed: ChangedObject): ManagedFieldsEntry[] {
  const { current, working, sent } = changed;
  const write = fieldWrite(deps, call);
  const { metadata } = sent;
  const edited = isJsonObject(metadata) ? metadata['managedFields'] : undefined;
  const managers = requestedManagedFields(edited, current.metadata.managedFields, write.subresource);
  return updateManagedFields({ ...write, before: current, after: working, managers });
}

export function withManagedFields(object: ApiObject, entries: readonly ManagedFieldsEntry[]): ApiObject {
  const { managedFields: _, ...rest } = object.metadata;
  return { ...object, metadata: entries.length === 0 ? rest : { ...rest, managedFields: [...entries] } };
}
