/**
 * Deleting: at once when nothing stands against it, otherwise marked, so that kubelet, finalizers and collectors can do
 * their part. What becomes of an object is computed by a pure function; this file reads, stores and answers.
 */
import { conflict } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { runAdmission } from '../admission/admission.ts';
import type { DeleteOptions, Preconditions, PropagationPolicy } from '../request/delete-options.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { strategyOf } from '../strategies/strategy-of.ts';
import { type ChangeResult, changeObject } from './change.ts';
import { computeDeletion, FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from './compute-deletion.ts';
import type { RegistryDeps } from './registry-deps.ts';
import type { WriteCall } from './write-call.ts';

/**
 * Throws NotFound, Conflict when a precondition does not hold, and what admission throws. `leaveWord` may write into the
 * object why it goes, in the same change.
 */
export async function deleteObject(
  deps: RegistryDeps,
  call: WriteCall,
  options: DeleteOptions,
  leaveWord: (object: ApiObject) => ApiObject = (object) => object,
): Promise<ChangeResult> {
  const target = { kind: call.kind, namespace: call.namespace, name: call.name, dryRun: call.dryRun };
  return changeObject(deps.objects, target, async (old, reservations) => {
    checkPreconditions(call, old, options.preconditions);
    await runAdmission(deps.admission, { operation: 'DELETE', call, old, onAbort: reservations.add });
    const nowMs = deps.clock.nowMs();
    const propagationPolicy = options.propagationPolicy ?? defaultPolicy(call, old);
    return computeDeletion(call.kind, leaveWord(old), { ...options, propagationPolicy, nowMs, now: formatTime(nowMs) });
  });
}

/** What an earlier delete has asked for stays. */
function defaultPolicy(call: WriteCall, { metadata }: ApiObject): PropagationPolicy | undefined {
  const { orphansByDefault } = strategyOf(call.kind);
  const isAsked = (metadata.finalizers ?? []).some(
    (name) => name === ORPHAN_FINALIZER || name === FOREGROUND_FINALIZER,
  );
  if (!orphansByDefault || isAsked) return undefined;
  const advice =
    'set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';
  call.warn(`child pods are preserved by default when ${call.kind.plural} are deleted; ${advice}`);
  return 'Orphan';
}

function checkPreconditions({ kind, name }: WriteCall, { metadata }: ApiObject, wanted: Preconditions): void {
  if (wanted.uid !== '' && wanted.uid !== metadata.uid) {
    const why = `UID in precondition: ${wanted.uid}, UID in object meta: ${metadata.uid}`;
    throw conflict(kind, name, `Precondition failed: ${why}`);
  }
  if (wanted.resourceVersion !== '' && wanted.resourceVersion !== metadata.resourceVersion) {
    const given = `ResourceVersion in precondition: ${wanted.resourceVersion}`;
    throw conflict(
      kind,
      name,
      `Precondition failed: ${given}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
  }
}
