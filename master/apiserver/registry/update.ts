/**
 * Changing an object: whatever the verb, the wanted object is decoded, what the server keeps is carried over from the
 * stored one, admission and rules have their say, and the result is stored.
 */
import { badRequest, conflict, type FieldError, invalid } from '../../../shared/machinery/errors.ts';
import { cloneJson, type JsonObject, jsonEqual } from '../../../shared/machinery/json.ts';
import { keepTimes } from '../../../shared/schema/apply/update-managed-fields.ts';
import type { ManagedFieldsEntry } from '../../../shared/schema/object-meta.ts';
import { type Reservations, runAdmission } from '../admission/admission.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { updateDurability } from '../strategies/event.ts';
import { hasGeneration, strategyOf } from '../strategies/strategy-of.ts';
import { changeObject, isReadyToRemove, MODIFIED_SINCE_READ, type NextState } from './change.ts';
import { type Decoded, decodeObject } from './decode-object.ts';
import { managedFieldsOfChanged, withManagedFields } from './managed-fields.ts';
import type { RegistryDeps } from './registry-deps.ts';
import { isStatusLike, statusKindOf, statusPartOf } from './status-part.ts';
import { validateChangedMeta } from './validate-meta.ts';
import type { WriteCall } from './write-call.ts';

export interface Wanted {
  /** The whole object as the client wants it; belongs to the callee. */
  value: JsonObject;
  /** Of server-side apply; computed as an update's unless given. */
  managedFields?: readonly ManagedFieldsEntry[];
  /** Makes the error for unknown fields, where it is not a create's. */
  strictError?(message: string): Error;
}

/** `wantedOf` computes the wanted object from the stored one: the body of a PUT, or the stored one with a patch applied. */
export async function updateObject(
  deps: RegistryDeps,
  call: WriteCall,
  wantedOf: (current: ApiObject) => Wanted,
): Promise<ApiObject> {
  const { object } = await changeObject(deps.objects, call, async (current, reservations) => {
    const next = await computeUpdate(deps, call, { current, wanted: wantedOf(current), reservations });
    if (isReadyToRemove(next)) return { action: 'remove', object: next };
    return put(call, next, current);
  });
  return object;
}

function put({ kind }: WriteCall, object: ApiObject, current: ApiObject): NextState {
  const durability = updateDurability(kind, object, current);
  return { action: 'put', object, ...(durability ? { durability } : {}) };
}

interface Update {
  current: ApiObject;
  wanted: Wanted;
  reservations: Reservations;
}

async function computeUpdate(
  deps: RegistryDeps,
  call: WriteCall,
  { current, wanted, reservations }: Update,
): Promise<ApiObject> {
  const decoded = decodeChanged(call, current, wanted);
  checkIdentity(call, decoded.object, current);
  const isStatus = call.subresource !== '';
  const changed = isStatus ? statusUpdate(call, decoded.object, current) : mainUpdate(call, decoded.object, current);
  const managedFields =
    wanted.managedFields ?? managedFieldsOfChanged(deps, call, { current, working: changed, sent: wanted.value });
  const working = withManagedFields(changed, managedFields);
  const review = { operation: 'UPDATE' as const, call, object: working, old: current, onAbort: reservations.add };
  await runAdmission(deps.admission, review);
  const next = withGeneration(call, working, current);
  throwIfInvalid(call, { next, current, decoded });
  warnOfSpec(call, next, current);
  return keepTimes(current, next);
}

function decodeChanged(call: WriteCall, current: ApiObject, { value, strictError }: Wanted): Decoded {
  const { kind, fieldValidation, warn, subresource } = call;
  const settings = { fieldValidation, warn, ...(strictError ? { strictError } : {}) };
  const named = (object: ApiObject): void => {
    object.metadata.name ||= current.metadata.name;
    if (current.metadata.namespace) object.metadata.namespace ??= current.metadata.namespace;
  };
  if (isStatusLike(subresource)) {
    return decodeObject(statusPartOf(value), { kind: statusKindOf(kind), ...settings, prepare: named });
  }
  return decodeObject(value, {
    kind,
    ...settings,
    prepare(object) {
      named(object);
      // Defaults that depend on other fields must see the state that will be stored.
      if (kind.subresources.status && subresource === '') copyField(object, current, 'status');
      if (current.metadata.deletionTimestamp) object.metadata.deletionTimestamp = current.metadata.deletionTimestamp;
    },
  });
}

/** The present value is shared: defaulting, which may add to it, gets a copy. */
function copyField(object: ApiObject, from: ApiObject, field: string): void {
  if (from[field] === undefined) delete object[field];
  else object[field] = cloneJson(from[field]);
}

function checkIdentity({ kind, name, namespace }: WriteCall, { metadata }: ApiObject, current: ApiObject): void {
  if (metadata.name !== name) {
    const sent = `the name of the object (${metadata.name})`;
    throw badRequest(`${sent} does not match the name on the URL (${name})`);
  }
  if (kind.namespaced && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata.uid && metadata.uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(kind, name, why);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(kind, name, MODIFIED_SINCE_READ);
  }
}

function mainUpdate(call: WriteCall, sent: ApiObject, old: ApiObject): ApiObject {
  const working: ApiObject = { ...sent, metadata: keptMetadata(sent, old) };
  if (call.kind.subresources.status) {
    delete working['status'];
    if (old['status'] !== undefined) working['status'] = old['status'];
  }
  strategyOf(call.kind).prepareUpdate?.(working, old, call);
  return working;
}

/** What only the server sets comes from the stored object. */
function keptMetadata({ metadata: sent }: ApiObject, { metadata: old }: ApiObject): ApiObject['metadata'] {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...rest } = sent;
  const { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = old;
  return {
    ...withoutEmptyLists(rest),
    uid,
    resourceVersion,
    creationTimestamp,
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

/** Kubernetes leaves lists out that have become empty; clients look whether they are there. */
function withoutEmptyLists(metadata: ApiObject['metadata']): ApiObject['metadata'] {
  const { finalizers = [], ownerReferences = [], ...rest } = metadata;
  return {
    ...rest,
    ...(finalizers.length === 0 ? {} : { finalizers }),
    ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
  };
}

function statusUpdate(call: WriteCall, sent: ApiObject, old: ApiObject): ApiObject {
  const working: ApiObject = { ...old, metadata: { ...old.metadata } };
  const { prepareStatus } = strategyOf(call.kind);
  if (prepareStatus) prepareStatus(working, sent, old, call);
  else working['status'] = sent['status'];
  return working;
}

/** Only what changes what is wanted is worth another warning. */
function warnOfSpec({ kind, warn }: WriteCall, next: ApiObject, old: ApiObject): void {
  if (kind.warnings === undefined || jsonEqual(next['spec'], old['spec'])) return;
  for (const message of kind.warnings(next)) warn(message);
}

function withGeneration({ kind, subresource }: WriteCall, next: ApiObject, old: ApiObject): ApiObject {
  if (subresource === 'status' || !hasGeneration(kind) || jsonEqual(next['spec'], old['spec'])) return next;
  return { ...next, metadata: { ...next.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

/** The kind's own rules look into the object: they run only when its structure is sound. */
function throwIfInvalid(
  call: WriteCall,
  { next, current, decoded }: { next: ApiObject; current: ApiObject; decoded: Decoded },
): void {
  const { kind, name, subresource } = call;
  const errors: FieldError[] = [...validateChangedMeta(next.metadata, current.metadata), ...decoded.errors];
  if (subresource !== '') errors.push(...(strategyOf(kind).validateStatus?.(next, current, call) ?? []));
  else if (decoded.errors.length === 0) errors.push(...(kind.validate?.(next, current) ?? []));
  if (errors.length > 0) throw invalid(kind, name, errors);
}
