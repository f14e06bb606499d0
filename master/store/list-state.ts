/**
 * Lists a prefix as of a revision. The present rows are read in key order; whatever differs from them at that revision is an
 * override: a volatile value, or the state before the first change that came later.
 * Costs: the rows of the page, plus the changes since the revision, of which compaction leaves a bounded number.
 */
import { defined } from '../../shared/platform/assert.ts';
import { compareKeys, type KeyRange, prefixRange } from './key-range.ts';
import type { LogTable } from './log-table.ts';
import type { KeyValue, ListRequest, ListResult } from './store.ts';
import { keyOf, revisionOf, type VolatileHistory } from './volatile-history.ts';
import type { VolatileOverlay } from './volatile-overlay.ts';

export interface ListSources {
  log: LogTable;
  overlay: VolatileOverlay;
  history: VolatileHistory;
  /** The store's present revision. */
  revision: number;
}

/** What a key held: a value at hand, a log row to read, or nothing. */
type Override = { keyValue: KeyValue } | { logRevision: number } | 'absent';

/** The caller has checked that the state at `request.revision` can still be known. */
export function listState(sources: ListSources, request: ListRequest): ListResult {
  const revision = request.revision ?? sources.revision;
  const range = prefixRange(request.prefix, request.startAfter);
  const overrides = overridesAt(sources, request.prefix, revision);
  if (request.startAfter !== undefined) keepAfter(overrides, request.startAfter);
  const { limit } = request;
  const rows = sources.log.range(range, limit === undefined ? -1 : limit + overrides.size);
  const items = (overrides.size === 0 ? rows : merge(sources.log, rows, overrides)).slice(0, limit);
  const last = items.at(-1);
  if (limit === undefined || items.length < limit || last === undefined) return { items, revision, remaining: 0 };
  keepAfter(overrides, last.key);
  const rest = prefixRange(request.prefix, last.key);
  return { items, revision, remaining: countRest(sources.log, rest, overrides) };
}

function overridesAt(sources: ListSources, prefix: string, revision: number): Map<string, Override> {
  const overrides = new Map<string, Override>();
  for (const [key, { keyValue }] of sources.overlay.under(prefix)) overrides.set(key, toOverride(keyValue));
  if (revision === sources.revision) return overrides;
  const firstChanges = new Map<string, number>();
  for (const change of sources.log.changesAfter(revision, prefixRange(prefix))) {
    if (firstChanges.has(change.key)) continue;
    firstChanges.set(change.key, change.revision);
    const { previousRevision } = change;
    overrides.set(change.key, previousRevision === 0 ? 'absent' : { logRevision: previousRevision });
  }
  for (const event of sources.history.events(prefix, revision, sources.revision)) {
    const key = keyOf(event);
    // At the same revision memory knows better: its `previous` may be a value that the log never had.
    if ((firstChanges.get(key) ?? Number.POSITIVE_INFINITY) < revisionOf(event)) continue;
    firstChanges.set(key, 0);
    overrides.set(key, toOverride(event.previous));
  }
  return overrides;
}

function toOverride(keyValue: KeyValue | undefined): Override {
  return keyValue === undefined ? 'absent' : { keyValue };
}

function keepAfter(overrides: Map<string, Override>, startAfter: string): void {
  for (const key of overrides.keys()) if (compareKeys(key, startAfter) <= 0) overrides.delete(key);
}

function merge(log: LogTable, rows: readonly KeyValue[], overrides: ReadonlyMap<string, Override>): KeyValue[] {
  const items = rows.filter((row) => !overrides.has(row.key));
  for (const override of overrides.values()) {
    if (override === 'absent') continue;
    if ('keyValue' in override) items.push(override.keyValue);
    else items.push(defined(log.at(override.logRevision), 'a version that is not compacted'));
  }
  return items.sort((a, b) => compareKeys(a.key, b.key));
}

function countRest(log: LogTable, range: KeyRange, overrides: ReadonlyMap<string, Override>): number {
  let count = log.count(range);
  for (const [key, override] of overrides) {
    if (log.presentRevision(key) > 0) count -= 1;
    if (override !== 'absent') count += 1;
  }
  return count;
}
