/** Every bound of this room in one place, units last. Sized for a master on a board with 512 MB. */

/** Longest key; Kubernetes' longest (group, plural, namespace, name) stay below 800. */
export const MAX_KEY_CHARS = 1024;

/** Largest value; the API server refuses bodies above 3 MB before they come here. */
export const MAX_VALUE_CHARS = 8 * 2 ** 20;

/** Writes that wait for one commit; when as many have gathered they are committed without waiting for the turn's end. */
export const MAX_BATCH_WRITES = 1000;

/** Events that one watcher may leave unread before it is dropped. */
export const WATCH_BUFFER_EVENTS = 4096;

/** Events read from the log at once for a watcher that resumes. */
export const REPLAY_PAGE_EVENTS = 500;

/** Longest time that a watcher's revision lags behind the store's while only other prefixes change. */
export const PROGRESS_INTERVAL_MS = 5_000;

/** Changes of volatile keys that can be replayed, and the characters that their values may hold. */
export const VOLATILE_HISTORY_EVENTS = 4096;
export const VOLATILE_HISTORY_CHARS = 4 * 2 ** 20;

/** Directories that are remembered as volatile; beyond them the whole store counts as volatile. */
export const MAX_VOLATILE_DIRECTORIES = 1000;

/** Revisions set aside on disk at once for memory writes: one write a day at eleven memory writes a second. */
export const REVISION_BLOCK = 1_000_000;

/** Log rows that one transaction of a compaction looks at. */
export const COMPACT_SLICE_ROWS = 500;

/** The database refuses to grow beyond it; `no-space` then, as on a full disk. */
export const MAX_DATABASE_BYTES = 2 * 2 ** 30;
