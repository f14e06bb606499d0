/**
 * Watching: an optional first state, then changes, then bookmarks, as rendered values. Ends by time, by the caller's signal,
 * with the server, or when the client is too slow; a client resumes from the last revision it has seen.
 */
import { expired, toStatus } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { nextFloat, type Random } from '../../../shared/platform/random.ts';
import { StoreError } from '../../store/store.ts';
import type { ListOptions } from '../request/list-options.ts';
import type { WatchRenderer } from '../response/watch-renderer.ts';
import type { ObjectFilter } from '../storage/object-filter.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { WatchHub } from '../storage/watch-hub.ts';
import { watchChanges } from '../storage/watcher.ts';
import { listObjects } from './list.ts';

/** Without a wish of the client a watch lasts between half an hour and an hour, so that not all end at once. */
const MIN_WATCH_MS = 30 * 60_000;

/** The annotation of the bookmark that ends the first state of a WatchList (KEP-3157). */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchDeps {
  objects: ObjectStore;
  hub: WatchHub;
  clock: Clock;
  random: Random;
}

export interface WatchRequest {
  filter: ObjectFilter;
  options: ListOptions;
  render: WatchRenderer;
  signal: AbortSignal;
}

export async function* watchObjects(deps: WatchDeps, request: WatchRequest): AsyncGenerator<unknown> {
  const end = new AbortController();
  const stop = (): void => end.abort();
  const timer = deps.clock.after(durationMs(deps, request.options), stop);
  if (request.signal.aborted) stop();
  request.signal.addEventListener('abort', stop, { once: true });
  try {
    yield* watchUntil(deps, request, end.signal);
  } catch (error) {
    const status = watchError(error, request.options);
    if (status !== undefined) yield { type: 'ERROR', object: status };
  } finally {
    timer.cancel();
    request.signal.removeEventListener('abort', stop);
    end.abort();
  }
}

function durationMs({ random }: WatchDeps, { timeoutSeconds }: ListOptions): number {
  return timeoutSeconds === undefined ? MIN_WATCH_MS * (1 + nextFloat(random)) : timeoutSeconds * 1000;
}

async function* watchUntil(deps: WatchDeps, request: WatchRequest, signal: AbortSignal): AsyncGenerator<unknown> {
  const { filter, options, render } = request;
  deps.hub.start();
  const afterRevision = yield* firstState(deps, request, signal);
  // A client of another life of this cluster, such as before a snapshot was restored, must list again.
  if (afterRevision > deps.objects.revision()) throw new StoreError('future-revision', 'it has not happened here');
  const changes = watchChanges({ hub: deps.hub, filter, afterRevision, signal });
  for await (const item of changes) {
    if (item.type !== 'PROGRESS') yield await render.change(item.type, item.change);
    else if (options.allowWatchBookmarks) yield render.bookmark(item.revision);
  }
}

/** Sends what is there already, when that is wanted; returns the revision from which to go on. */
async function* firstState(
  deps: WatchDeps,
  { filter, options, render }: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<unknown, number> {
  const { resourceVersion = 0, sendInitialEvents } = options;
  if (sendInitialEvents === false && resourceVersion === 0) return deps.objects.revision();
  if (sendInitialEvents !== true && resourceVersion > 0) return resourceVersion;
  const { items, metadata } = await listObjects(deps.objects, filter, wholeList(options));
  for (const object of items) {
    if (signal.aborted) break;
    yield await render.initial(object);
  }
  const revision = Number(metadata.resourceVersion);
  if (sendInitialEvents && options.allowWatchBookmarks) {
    yield render.bookmark(revision, { [INITIAL_EVENTS_END]: 'true' });
  }
  return revision;
}

/** Pages are not for watches; the present state is never older than what was asked for. */
function wholeList(options: ListOptions): ListOptions {
  const { resourceVersion } = options;
  return { ...options, limit: undefined, continue: '', resourceVersion, resourceVersionMatch: 'NotOlderThan' };
}

/** What the client can do something about; undefined where the watch just ends and the client resumes. */
function watchError(error: unknown, { resourceVersion }: ListOptions): object | undefined {
  if (!(error instanceof StoreError)) return toStatus(error);
  if (error.reason === 'compacted' || error.reason === 'future-revision') {
    return expired(`too old resource version: ${resourceVersion ?? 0} (${error.message})`).status;
  }
  return undefined;
}
