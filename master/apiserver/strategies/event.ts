/** Events: a repeat of what is already on disk is remembered in memory only, so that a crash loop does not wear the card. */
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Durability } from '../../../shared/schema/define-kind.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';

/** Fields that a repeat changes. */
const REPEAT_FIELDS: readonly string[] = ['count', 'lastTimestamp', 'series', 'metadata'];

/** `memory` for a repeat of an event; undefined leaves the choice to the kind. */
export function updateDurability(kind: AnyKind, next: ApiObject, old: ApiObject): Durability | undefined {
  if (kind.kind !== 'Event') return undefined;
  const keys = new Set([...Object.keys(next), ...Object.keys(old)]);
  for (const key of keys) if (!REPEAT_FIELDS.includes(key) && !jsonEqual(next[key], old[key])) return undefined;
  return sameIdentity(next, old) ? 'memory' : undefined;
}

function sameIdentity(next: ApiObject, old: ApiObject): boolean {
  return (
    jsonEqual(next.metadata.labels ?? {}, old.metadata.labels ?? {}) &&
    jsonEqual(next.metadata.annotations ?? {}, old.metadata.annotations ?? {})
  );
}
