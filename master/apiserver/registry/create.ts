/** Creating an object: decode, admit, name, check, store. Source: Kubernetes API conventions, "Verbs on resources". */
import { alreadyExists, badRequest, invalid, isStatusError } from '../../../shared/machinery/errors.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { randomSuffix, randomUuid } from '../../../shared/platform/random.ts';
import type { ManagedFieldsEntry } from '../../../shared/schema/object-meta.ts';
import { Reservations, runAdmission } from '../admission/admission.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { hasGeneration, strategyOf } from '../strategies/strategy-of.ts';
import { type Decoded, decodeObject } from './decode-object.ts';
import { managedFieldsOfCreated, withManagedFields } from './managed-fields.ts';
import type { RegistryDeps } from './registry-deps.ts';
import { validateNewMeta } from './validate-meta.ts';
import type { WriteCall } from './write-call.ts';

/** Names that were made by the server are made anew this often when they are taken. */
const MAX_GENERATED_NAMES = 8;

/** Longest prefix that leaves room for what is appended: names have at most 63 characters in many places. */
const MAX_GENERATE_NAME_CHARS = 58;

/** `managedFields` of server-side apply; computed as an update's unless given. */
export async function createObject(
  deps: RegistryDeps,
  call: WriteCall,
  value: JsonObject,
  managedFields?: readonly ManagedFieldsEntry[],
): Promise<ApiObject> {
  const fresh = decodeNew(call, value);
  const entries = managedFields ?? managedFieldsOfCreated(deps, call, fresh.object);
  const decoded = { ...fresh, object: withManagedFields(fresh.object, entries) };
  const { metadata } = decoded.object;
  const isGenerated = !metadata.name && metadata.generateName !== undefined && metadata.generateName !== '';
  for (let attempt = 1; ; attempt += 1) {
    if (isGenerated) metadata.name = generateName(metadata.generateName ?? '', deps);
    try {
      return await admitAndStore(deps, call, decoded);
    } catch (error) {
      if (!isGenerated || attempt === MAX_GENERATED_NAMES || !isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
}

function generateName(prefix: string, { random }: RegistryDeps): string {
  return `${prefix.slice(0, MAX_GENERATE_NAME_CHARS)}${randomSuffix(random)}`;
}

function decodeNew(call: WriteCall, value: JsonObject): Decoded {
  const { kind } = call;
  const strategy = strategyOf(kind);
  const decoded = decodeObject(value, {
    kind,
    fieldValidation: call.fieldValidation,
    warn: call.warn,
    prepare(object) {
      if (kind.subresources.status && !strategy.keepsStatusOnCreate) delete object['status'];
      setNamespace(call, object);
    },
  });
  strategy.prepareCreate?.(decoded.object, call);
  return decoded;
}

function setNamespace({ kind, namespace }: WriteCall, { metadata }: ApiObject): void {
  if (!kind.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (namespace === '') throw badRequest('an empty namespace may not be set during creation');
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = namespace;
}

async function admitAndStore(deps: RegistryDeps, call: WriteCall, decoded: Decoded): Promise<ApiObject> {
  const { object, errors } = decoded;
  const reservations = new Reservations();
  try {
    await runAdmission(deps.admission, { operation: 'CREATE', call, object, onAbort: reservations.add });
    const created = withServerFields(deps, call, object);
    strategyOf(call.kind).completeCreate?.(created);
    throwIfInvalid(call, created, [...errors]);
    for (const message of call.kind.warnings?.(created) ?? []) call.warn(message);
    if (!call.dryRun) return await deps.objects.create(call.kind, created);
    await refuseTaken(deps, call, created);
    reservations.release();
    // What was not stored has no revision.
    Reflect.deleteProperty(created.metadata, 'resourceVersion');
    return created;
  } catch (error) {
    reservations.release();
    throw error;
  }
}

function withServerFields({ clock, random }: RegistryDeps, { kind }: WriteCall, object: ApiObject): ApiObject {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...rest } = object.metadata;
  return {
    ...object,
    metadata: {
      ...rest,
      uid: randomUuid(random),
      resourceVersion: '',
      ...(hasGeneration(kind) ? { generation: 1 } : {}),
      creationTimestamp: formatTime(clock.nowMs()),
    },
  };
}

/** The kind's own rules look into the object: they run only when its structure is sound. */
function throwIfInvalid({ kind }: WriteCall, object: ApiObject, errors: Decoded['errors']): void {
  if (errors.length === 0) errors.push(...(kind.validate?.(object) ?? []));
  const all = [...validateNewMeta(kind, object.metadata), ...errors];
  if (all.length > 0) throw invalid(kind, object.metadata.name ?? '', all);
}

async function refuseTaken(
  { objects }: RegistryDeps,
  { kind, namespace }: WriteCall,
  object: ApiObject,
): Promise<void> {
  const { name } = object.metadata;
  if ((await objects.get(kind, { namespace, name })) !== undefined) throw alreadyExists(kind, name);
}
