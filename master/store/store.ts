/**
 * The store, as etcd is to Kubernetes: a revisioned map from key to value with compare-and-swap and watch.
 *
 * Invariants, whatever stands behind it (one contract suite checks every implementation):
 * - revisions grow by one a change and never go back, not even over a crash;
 * - a write is answered only after it is durable, unless its durability is 'memory';
 * - a watch delivers each change after its start revision once, in order, without a gap, or says that it cannot;
 * - a read at a revision that is not compacted sees exactly the state of that revision.
 */
export interface KeyValue {
  key: string;
  value: string;
  /** Revision of the last change of this key. */
  modRevision: number;
  /** Revision at which the key was created. */
  createRevision: number;
}

export interface Write {
  key: string;
  /** undefined deletes the key. */
  value: string | undefined;
  /** Fails with `conflict` unless the key's modRevision is this; 0 means that the key must not exist. Absent: always. */
  expectedRevision?: number;
  /**
   * `memory`: the change is watched and read like any other and may be lost at a restart; the key then falls back to its
   * last durable value, if it had one. A hint: a store may keep it on disk all the same.
   */
  durability?: 'disk' | 'memory';
}

/** `current` is what the key holds instead (absent: it does not exist). */
export type WriteResult =
  | { ok: true; revision: number; previous: KeyValue | undefined }
  | { ok: false; reason: 'conflict'; current: KeyValue | undefined };

export interface ListRequest {
  /** All keys that start with it. */
  prefix: string;
  /** State as of this revision; absent: now. */
  revision?: number;
  /** Keys strictly after this one. */
  startAfter?: string;
  limit?: number;
}

export interface ListResult {
  /** In key order. */
  items: KeyValue[];
  /** The revision of the state that was read. */
  revision: number;
  /** Keys under the prefix beyond `items`; 0 when the list is complete. */
  remaining: number;
}

export type StoreEvent =
  | { type: 'put'; keyValue: KeyValue; previous: KeyValue | undefined }
  | { type: 'delete'; key: string; revision: number; previous: KeyValue };

/** What one commit changed under the watched prefix; empty events carry progress only (a bookmark's revision). */
export interface WatchBatch {
  revision: number;
  events: StoreEvent[];
}

export interface WatchRequest {
  prefix: string;
  /** Changes with a revision greater than this are delivered. */
  afterRevision: number;
  signal: AbortSignal;
}

export type StoreErrorReason =
  /** The revision asked for is below the compaction revision, or its history was lost with the memory. */
  | 'compacted'
  /** The revision asked for has not happened. */
  | 'future-revision'
  /** The disk or the size limit is full; the write did not happen. */
  | 'no-space'
  /** A watcher did not read for too long and was dropped; it may resume from its last revision. */
  | 'slow-watcher'
  /** The disk failed to read or write; the write did not happen (after a power cut it may turn out that it did). */
  | 'io'
  | 'corrupt'
  /** Another process has the store open. */
  | 'in-use'
  /** The folder or the file refuses writes. */
  | 'not-writable'
  /** A newer version of Bramble wrote the file. */
  | 'unsupported-version'
  | 'closed';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: StoreErrorReason;
  constructor(reason: StoreErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Methods reject with StoreError. */
export interface Store {
  /** Latest revision whose change is visible. */
  revision(): number;
  get(key: string): Promise<KeyValue | undefined>;
  list(request: ListRequest): Promise<ListResult>;
  write(write: Write): Promise<WriteResult>;
  /**
   * History first, then one empty batch that says "caught up", then changes as they are committed, and an empty batch from
   * time to time when only other prefixes change. Ends when the signal aborts or the store closes; throws `compacted`,
   * `future-revision` or `slow-watcher`.
   */
  watch(request: WatchRequest): AsyncIterable<WatchBatch>;
  /** Forgets history up to and including `revision`, in small slices; present values stay. */
  compact(revision: number): Promise<void>;
  /** A consistent copy as one file, made while writes go on. */
  snapshot(path: string): Promise<void>;
  close(): Promise<void>;
}
