/**
 * Server-side apply: merges a configuration into the stored object, or creates the object from it. Everything after the
 * merge is an update or a create like others. Source: Kubernetes documentation, "Server-Side Apply".
 */
import { badRequest, conflict, isStatusError } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { type Applied, applyConfig } from '../../../shared/schema/apply/apply-config.ts';
import { ApplyConfigError } from '../../../shared/schema/apply/check-config.ts';
import { applyConflictError } from '../../../shared/schema/apply/conflict.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import { pruneObject } from '../../../shared/schema/prune.ts';
import { unknownFieldMessage, validateObject } from '../../../shared/schema/validate.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { MODIFIED_SINCE_READ } from './change.ts';
import { createObject } from './create.ts';
import { undecodable } from './decode-object.ts';
import { fieldWrite } from './managed-fields.ts';
import type { RegistryDeps } from './registry-deps.ts';
import { updateObject } from './update.ts';
import type { WriteCall } from './write-call.ts';

export interface ApplyOutcome {
  object: ApiObject;
  created: boolean;
}

/** How often an object may come and go between look and write. */
const MAX_ATTEMPTS = 16;

/** `sent` belongs to the callee. Throws BadRequest, Conflict, NotFound (subresources), and what create and update throw. */
export async function applyObject(deps: RegistryDeps, call: WriteCall, sent: JsonObject): Promise<ApplyOutcome> {
  const config = checkedConfig(call, sent);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const isThere = (await deps.objects.get(call.kind, call)) !== undefined;
    const isPart = (call.managedSubresource ?? call.subresource) !== '';
    try {
      if (isThere || isPart) return { object: await applyToLive(deps, call, config), created: false };
      return { object: await applyAsCreate(deps, call, config), created: true };
    } catch (error) {
      const isLost = isThere ? isStatusError(error, 'NotFound') : isStatusError(error, 'AlreadyExists');
      if (isPart || !isLost) throw error;
    }
  }
  throw conflict(call.kind, call.name, MODIFIED_SINCE_READ);
}

function applyToLive(deps: RegistryDeps, call: WriteCall, config: JsonObject): Promise<ApiObject> {
  return updateObject(deps, call, (live) => {
    const { object, managedFields } = merge(deps, call, { live, config });
    return { value: object, managedFields };
  });
}

function applyAsCreate(deps: RegistryDeps, call: WriteCall, config: JsonObject): Promise<ApiObject> {
  const { object, managedFields } = merge(deps, call, { live: undefined, config });
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const name = metadata['name'] ?? call.name;
  if (name !== call.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
  }
  return createObject(deps, call, { ...object, metadata: { ...metadata, name } }, managedFields);
}

interface Merging {
  live: ApiObject | undefined;
  config: JsonObject;
}

function merge(deps: RegistryDeps, call: WriteCall, { live, config }: Merging): Applied {
  const managers = live?.metadata.managedFields ?? [];
  try {
    const result = applyConfig({ ...fieldWrite(deps, call), live, applied: config, managers, force: call.force });
    if (result.ok) return result;
    throw applyConflictError(result.conflicts);
  } catch (error) {
    throw error instanceof ApplyConfigError ? badRequest(error.message) : error;
  }
}

/** Types are right, and unknown fields are gone. */
function checkedConfig({ kind, fieldValidation, warn }: WriteCall, sent: JsonObject): JsonObject {
  const { apiVersion, kind: kindName } = sent;
  if (apiVersion !== apiVersionOf(kind) || kindName !== kind.kind) {
    throw badRequest(`invalid object type: ${String(apiVersion)}, Kind=${String(kindName)}`);
  }
  const { typeErrors, unknownFields } = validateObject(kind.schema, sent);
  if (typeErrors.length > 0) throw undecodable(kind, typeErrors.map(({ message }) => message).join(', '));
  const messages = unknownFields.map(unknownFieldMessage);
  if (messages.length > 0 && fieldValidation === 'Strict') {
    throw undecodable(kind, `strict decoding error: ${messages.join(', ')}`);
  }
  if (fieldValidation === 'Warn') for (const message of messages) warn(message);
  const known = messages.length > 0 ? pruneObject(kind.schema, sent) : sent;
  return isJsonObject(known) ? known : sent;
}
