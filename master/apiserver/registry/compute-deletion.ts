/**
 * What a delete makes of an object. Pure. Source: Kubernetes, "Garbage Collection", "Finalizers" and "Pod Lifecycle".
 *
 *     nothing in the way                     → removed
 *     finalizers, or time to end gracefully  → marked with deletionTimestamp; removed later by update or final delete
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { conflict } from '../../../shared/machinery/errors.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';
import type { ObjectMeta } from '../../../shared/schema/object-meta.ts';
import type { DeleteOptions, PropagationPolicy } from '../request/delete-options.ts';
import { type AnyKind, type ApiObject, asKind } from '../storage/api-object.ts';
import { hasNamespaceFinalizers } from '../strategies/namespace.ts';
import type { NextState } from './change.ts';

/** The collector lets dependents go before it takes this away. */
export const ORPHAN_FINALIZER = 'orphan';
/** The collector deletes dependents before it takes this away. */
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

export interface Deletion extends DeleteOptions {
  nowMs: number;
  now: string;
}

export function computeDeletion(kind: AnyKind, old: ApiObject, deletion: Deletion): NextState {
  if (kind.group === '' && kind.kind === 'Namespace') return deleteNamespace(old, deletion);
  const finalizers = finalizersFor(old.metadata.finalizers ?? [], deletion.propagationPolicy);
  const graceSeconds = graceOf(kind, old, deletion);
  if (finalizers.length === 0 && graceSeconds === 0) return { action: 'remove', object: old };
  const { deletionTimestamp } = old.metadata;
  const metadata =
    deletionTimestamp === undefined
      ? firstMark(old.metadata, graceSeconds, deletion)
      : shortened(old.metadata, deletionTimestamp, graceSeconds);
  return { action: 'put', object: { ...old, metadata: withFinalizers(metadata, finalizers) } };
}

function finalizersFor(present: readonly string[], policy: PropagationPolicy | undefined): string[] {
  if (policy === undefined) return [...present];
  const others = present.filter((finalizer) => finalizer !== ORPHAN_FINALIZER && finalizer !== FOREGROUND_FINALIZER);
  if (policy === 'Orphan') return [...others, ORPHAN_FINALIZER];
  return policy === 'Foreground' ? [...others, FOREGROUND_FINALIZER] : others;
}

function withFinalizers(metadata: ObjectMeta, finalizers: string[]): ObjectMeta {
  const { finalizers: _, ...rest } = metadata;
  return finalizers.length === 0 ? rest : { ...rest, finalizers };
}

/** Only pods end gracefully; those that nobody runs, or that have ended, need no time for it. */
function graceOf(kind: AnyKind, object: ApiObject, { gracePeriodSeconds }: Deletion): number {
  if (kind.group !== '' || kind.kind !== 'Pod') return 0;
  const { spec, status, metadata } = asKind<Pod>(kind, object);
  if (!spec.nodeName || status.phase === 'Succeeded' || status.phase === 'Failed') return 0;
  const wanted = gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
  // A negative period means "at once, but let the kubelet do it".
  const seconds = wanted < 0 ? 1 : wanted;
  const present = metadata.deletionTimestamp === undefined ? undefined : metadata.deletionGracePeriodSeconds;
  // A second delete may shorten the time, and without a period of its own it waits for the first.
  if (present === undefined || present === 0) return present ?? seconds;
  return gracePeriodSeconds === undefined ? present : Math.min(seconds, present);
}

function firstMark(metadata: ObjectMeta, graceSeconds: number, { nowMs }: Deletion): ObjectMeta {
  return {
    ...metadata,
    ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
    deletionTimestamp: formatTime(nowMs + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
}

function shortened(metadata: ObjectMeta, deletionTimestamp: string, graceSeconds: number): ObjectMeta {
  const before = metadata.deletionGracePeriodSeconds ?? 0;
  if (graceSeconds >= before) return metadata;
  const endMs = parseTime(deletionTimestamp) ?? 0;
  return {
    ...metadata,
    deletionTimestamp: formatTime(endMs - (before - graceSeconds) * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
}

/** A namespace is marked first; its controller empties it and takes the finalizer of its spec away by /finalize. */
function deleteNamespace(old: ApiObject, { now }: Deletion): NextState {
  const isKept = hasNamespaceFinalizers(old) || (old.metadata.finalizers ?? []).length > 0;
  if (!isKept) return { action: 'remove', object: old };
  if (old.metadata.deletionTimestamp !== undefined) {
    const sentence = 'The system is ensuring all content is removed from this namespace.';
    const rest = 'Upon completion, this namespace will automatically be purged by the system.';
    throw conflict({ group: '', plural: 'namespaces' }, old.metadata.name, `${sentence}  ${rest}`);
  }
  const status = { ...(typeof old['status'] === 'object' ? old['status'] : {}), phase: 'Terminating' };
  return { action: 'put', object: { ...old, metadata: { ...old.metadata, deletionTimestamp: now }, status } };
}
