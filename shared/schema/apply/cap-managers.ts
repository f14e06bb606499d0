/**
 * Keeps the number of entries for updates small: the oldest ones of an API version are made one, `ancient-changes`.
 * Entries of server-side apply are never merged, because each of them is what its manager applied last.
 */
import { compareManagers, type FieldManager, type FieldManagers, identityOf } from './field-managers.ts';
import { unionOf } from './field-set.ts';

export const MAX_UPDATE_MANAGERS = 10;

const ANCIENT_CHANGES = 'ancient-changes';

export function capUpdateManagers(managers: FieldManagers): FieldManagers {
  const result = new Map(managers);
  const oldest = new Map<string, FieldManager>();
  for (const update of updatesOf(managers)) {
    if (updatesOf(result).length <= MAX_UPDATE_MANAGERS) break;
    const older = oldest.get(update.apiVersion);
    const merged = older === undefined ? update : mergeIntoAncient(older, update);
    oldest.set(update.apiVersion, merged);
    if (older === undefined) continue;
    for (const gone of [older, update]) result.delete(identityOf(gone));
    // An entry of that name from before, which is younger than these.
    const ancient = result.get(identityOf(merged));
    result.set(identityOf(merged), ancient === undefined ? merged : mergeIntoAncient(merged, ancient));
  }
  return result;
}

/** Oldest first. */
function updatesOf(managers: FieldManagers): FieldManager[] {
  return [...managers.values()].filter(({ operation }) => operation === 'Update').sort(compareManagers);
}

/** The newer time, so that the merged entry stays where it is in the order of ages. */
function mergeIntoAncient(older: FieldManager, newer: FieldManager): FieldManager {
  return { ...newer, manager: ANCIENT_CHANGES, subresource: '', fields: unionOf(older.fields, newer.fields) };
}
