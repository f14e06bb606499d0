/**
 * History for a watcher that resumes: the log's rows and the volatile changes, merged by revision, a page at a time.
 * Invariant: pages join without gap or overlap; the caller has checked that the history after `afterRevision` is complete.
 */
import { prefixRange } from './key-range.ts';
import { REPLAY_PAGE_EVENTS } from './limits.ts';
import type { ListSources } from './list-state.ts';
import type { WatchBatch } from './store.ts';
import { revisionOf } from './volatile-history.ts';

/** The next changes under `prefix`; the page's revision is how far it reaches, the store's present one for the last page. */
export function replayPage(sources: ListSources, prefix: string, afterRevision: number): WatchBatch {
  const range = prefixRange(prefix);
  const upToRevision = sources.revision;
  const rows = sources.log.events({ afterRevision, upToRevision, range, limit: REPLAY_PAGE_EVENTS });
  const lastRow = rows.at(-1);
  const full = rows.length === REPLAY_PAGE_EVENTS && lastRow !== undefined;
  const revision = full ? revisionOf(lastRow) : upToRevision;
  const events = new Map(rows.map((event) => [revisionOf(event), event]));
  const sorted = [...sources.history.events(prefix, afterRevision, revision)];
  if (sorted.length === 0) return { revision, events: rows };
  for (const event of sorted) events.set(revisionOf(event), event);
  return { revision, events: [...events.values()].sort((a, b) => revisionOf(a) - revisionOf(b)) };
}
