/**
 * One client's watch: the changes after a revision that its filter lets through, in order, without a gap, and now and then
 * word of how far it has come. Reads the store's history until the hub can take over.
 */
import type { Change, ChangeType } from './change.ts';
import { EventQueue } from './event-queue.ts';
import type { ObjectFilter } from './object-filter.ts';
import type { Subscriber } from './subscribers.ts';
import type { WatchHub } from './watch-hub.ts';

/** A client that has not taken this many events in time is cut off; it resumes from its last revision. */
const MAX_QUEUED_EVENTS = 16_384;

export type WatchSignal = { type: ChangeType; change: Change } | { type: 'PROGRESS'; revision: number };

export interface WatchChangesOptions {
  hub: WatchHub;
  filter: ObjectFilter;
  afterRevision: number;
  signal: AbortSignal;
}

/** Ends when the signal aborts, when the client is too slow, or with the hub. Throws the store's `compacted`. */
export async function* watchChanges(options: WatchChangesOptions): AsyncGenerator<WatchSignal> {
  const { hub, filter, signal } = options;
  const { trigger } = filter;
  const queue = new EventQueue<WatchSignal>(MAX_QUEUED_EVENTS);
  const close = (): void => queue.close();
  signal.addEventListener('abort', close, { once: true });
  let subscriber = subscriberOf(queue, filter, options.afterRevision);
  try {
    for (let revision = options.afterRevision; !hub.attach(subscriber, revision, trigger); ) {
      const reached = yield* readHistory({ ...options, afterRevision: revision });
      if (reached === undefined || signal.aborted) return;
      revision = reached;
      subscriber = subscriberOf(queue, filter, revision);
    }
    if (signal.aborted) return;
    for (let item = await queue.next(); item !== undefined; item = await queue.next()) yield item;
  } finally {
    signal.removeEventListener('abort', close);
    hub.detach(subscriber, trigger);
  }
}

/** The hub may lag behind what the client has already seen: nothing up to `afterRevision` is queued. */
function subscriberOf(queue: EventQueue<WatchSignal>, filter: ObjectFilter, afterRevision: number): Subscriber {
  return {
    onChange(change) {
      if (change.revision <= afterRevision) return;
      const type = filter.typeOf(change);
      if (type !== undefined) queue.push({ type, change });
    },
    onProgress(revision) {
      if (revision > afterRevision) queue.push({ type: 'PROGRESS', revision });
    },
    onEnd: () => queue.close(),
  };
}

/** Gives the store's changes until the hub's history goes on from there; undefined when the store has closed. */
async function* readHistory(options: WatchChangesOptions): AsyncGenerator<WatchSignal, number | undefined> {
  const { hub, filter, afterRevision, signal } = options;
  for await (const batch of hub.readStore(afterRevision, signal)) {
    for (const event of batch.events) {
      const change = hub.changeOf(event);
      const type = filter.typeOf(change);
      if (type !== undefined) yield { type, change };
    }
    if (hub.reachesBackTo(batch.revision)) return batch.revision;
  }
  return undefined;
}
