/**
 * The loop under every change of a stored object: read, compute what it shall be, compare and swap, and again when somebody
 * was faster. A change that changes nothing writes nothing; a change that takes away the last reason to stay removes.
 */
import { conflict, notFound } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { assert } from '../../../shared/platform/assert.ts';
import type { Durability } from '../../../shared/schema/define-kind.ts';
import { Reservations } from '../admission/admission.ts';
import { type AnyKind, type ApiObject, withMetadata } from '../storage/api-object.ts';
import type { ObjectName } from '../storage/keys.ts';
import type { ObjectStore, ReplaceResult } from '../storage/object-store.ts';
import { hasNamespaceFinalizers } from '../strategies/namespace.ts';

/** How often a change is computed anew because others were faster. */
const MAX_ATTEMPTS = 16;

export interface ChangeTarget extends ObjectName {
  kind: AnyKind;
  dryRun: boolean;
}

export interface ChangeResult {
  object: ApiObject;
  /** The object is gone; `object` is its last state. */
  removed: boolean;
}

export type NextState =
  | { action: 'keep' }
  | { action: 'put'; object: ApiObject; durability?: Durability }
  | { action: 'remove'; object: ApiObject };

/** Computes the next state from the present one; called again with a newer one after a lost race. */
export type ComputeNext = (current: ApiObject, reservations: Reservations) => NextState | Promise<NextState>;

export const MODIFIED_SINCE_READ =
  'the object has been modified; please apply your changes to the latest version and try again';

/** Throws NotFound, Conflict, and what `compute` throws. */
export async function changeObject(
  objects: ObjectStore,
  target: ChangeTarget,
  compute: ComputeNext,
): Promise<ChangeResult> {
  const { kind, name } = target;
  let current = await objects.get(kind, target);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (current === undefined) throw notFound(kind, name);
    const reservations = new Reservations();
    try {
      const result = await attemptChange(objects, target, { current, compute, reservations });
      if (result.ok) return result;
      reservations.release();
      current = result.current;
    } catch (error) {
      reservations.release();
      throw error;
    }
  }
  throw conflict(kind, name, MODIFIED_SINCE_READ);
}

interface Attempt {
  current: ApiObject;
  compute: ComputeNext;
  reservations: Reservations;
}

type AttemptResult = ({ ok: true } & ChangeResult) | { ok: false; current: ApiObject | undefined };

async function attemptChange(
  objects: ObjectStore,
  { kind, dryRun }: ChangeTarget,
  { current, compute, reservations }: Attempt,
): Promise<AttemptResult> {
  const next = await compute(current, reservations);
  if (next.action === 'keep' || (next.action === 'put' && isUnchanged(next.object, current))) {
    reservations.release();
    return { ok: true, object: current, removed: false };
  }
  const removed = next.action === 'remove';
  if (dryRun) {
    reservations.release();
    return { ok: true, object: next.object, removed };
  }
  const result = await store(objects, { kind, current, next });
  return result.ok ? { ok: true, object: result.object, removed } : result;
}

/** A last state that differs from the stored one (finalizers just emptied) is what the deletion's event shall show. */
function store(
  objects: ObjectStore,
  { kind, current, next }: { kind: AnyKind; current: ApiObject; next: NextState },
): Promise<ReplaceResult> {
  assert(next.action !== 'keep', 'nothing is to be stored');
  if (next.action === 'remove') return objects.remove(kind, current);
  return objects.replace(kind, current, next.object, next.durability ? { durability: next.durability } : {});
}

function isUnchanged(next: ApiObject, current: ApiObject): boolean {
  const { resourceVersion } = current.metadata;
  return jsonEqual(withMetadata(next, { resourceVersion }), current);
}

/** Deleted before, and nothing keeps it any more: no finalizer and no time left to end gracefully. */
export function isReadyToRemove(object: ApiObject): boolean {
  const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers?.length ?? 0) > 0 || deletionGracePeriodSeconds) return false;
  return object.kind !== 'Namespace' || !hasNamespaceFinalizers(object);
}
