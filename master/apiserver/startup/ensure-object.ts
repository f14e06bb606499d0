/** Objects that the server itself makes at its start, by the same registry as everybody's. Idempotent. */
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { createObject } from '../registry/create.ts';
import type { RegistryDeps } from '../registry/registry-deps.ts';
import { updateObject } from '../registry/update.ts';
import type { WriteCall } from '../registry/write-call.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';
import { componentUser } from '../user-info.ts';

const USER = componentUser('system:apiserver');

export interface OwnObject extends JsonObject {
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
}

export async function createIfMissing(deps: RegistryDeps, kind: AnyKind, value: OwnObject): Promise<void> {
  const { namespace = '', name } = value.metadata;
  if ((await deps.objects.get(kind, { namespace, name })) !== undefined) return;
  try {
    await createObject(deps, callFor(kind, { verb: 'create', namespace, name: '' }), value);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}

/** Makes the object, or brings it to what `wantedOf` makes of the stored one; what does not change is not written. */
export async function ensureObject(
  deps: RegistryDeps,
  kind: AnyKind,
  { value, wantedOf }: { value: OwnObject; wantedOf(current: ApiObject): JsonObject },
): Promise<void> {
  const { namespace = '', name } = value.metadata;
  await createIfMissing(deps, kind, value);
  const call = callFor(kind, { verb: 'update', namespace, name });
  await updateObject(deps, call, (current) => ({ value: wantedOf(current) }));
}

function callFor(
  kind: AnyKind,
  { verb, namespace, name }: { verb: 'create' | 'update'; namespace: string; name: string },
): WriteCall {
  return {
    user: USER,
    verb,
    kind,
    namespace,
    name,
    subresource: '',
    dryRun: false,
    fieldValidation: 'Strict',
    fieldManager: 'apiserver',
    startsFieldTracking: false,
    force: false,
    warn: () => undefined,
  };
}
