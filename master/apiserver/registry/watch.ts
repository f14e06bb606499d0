/**
 * Watching: an optional first state, then changes, then bookmarks, as rendered values. Ends by time, by the caller's signal,
 * with the server, or when the client is too slow; a client resumes from the last revision it has seen.
 */
import { expired, toStatus } from '../../../shared/machinery/errors.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import { nextFloat, type Random } from '../../../shared/platform/random.ts';
import { StoreError } from '../../store/store.ts';
import type { ListOptions } from '../request/list-options.ts';
import type { WatchRenderer } from '../response/watch-renderer.ts';
import type { ObjectFilter } from '../storage/object-filter.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { WatchHub } from '../storage/watch-hub.ts';
import { Watcher, type WatchSignal } from '../storage/watcher.ts';
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

const END = { done: true, value: undefined } as const;

/**
 * Iterated by hand and not as a chain of generators: a busy cluster sends each of its watchers thousands of events a second,
 * and every generator in the chain would cost several turns of the microtask queue an event.
 */
export class WatchStream implements AsyncIterableIterator<unknown> {
  readonly #deps: WatchDeps;
  readonly #request: WatchRequest;
  readonly #watcher: Watcher;
  /** What comes before live events; undefined once it is over. */
  #head: AsyncGenerator<unknown> | undefined;
  #timer: Timer | undefined;
  #started = false;
  #ended = false;

  constructor(deps: WatchDeps, request: WatchRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#watcher = new Watcher(deps.hub, request.filter);
    this.#head = readHead(deps, request, this.#watcher);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#started) this.#start();
    if (this.#ended) return Promise.resolve(END);
    return this.#head === undefined ? this.#nextLive() : this.#nextOfHead(this.#head);
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#end();
    return END;
  }

  #start(): void {
    const { clock } = this.#deps;
    const { signal, options } = this.#request;
    this.#started = true;
    this.#timer = clock.after(durationMs(this.#deps, options), this.#close);
    signal.addEventListener('abort', this.#close, { once: true });
    if (signal.aborted) this.#close();
  }

  /** What is queued is still given out. */
  readonly #close = (): void => this.#watcher.close();

  #end(): void {
    this.#ended = true;
    this.#watcher.close();
    this.#timer?.cancel();
    this.#request.signal.removeEventListener('abort', this.#close);
  }

  async #nextOfHead(head: AsyncGenerator<unknown>): Promise<IteratorResult<unknown, undefined>> {
    try {
      const result = await head.next();
      if (!result.done) return result;
    } catch (error) {
      return this.#fail(error);
    }
    this.#head = undefined;
    return this.#nextLive();
  }

  async #nextLive(): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      const item = await this.#watcher.next();
      if (item === undefined) {
        this.#end();
        return END;
      }
      const value = this.#render(item);
      if (value !== undefined) return { done: false, value: value instanceof Promise ? await value : value };
    }
  }

  #render(item: WatchSignal): unknown {
    const { render, options } = this.#request;
    if (item.type !== 'PROGRESS') return render.change(item.type, item.change);
    return options.allowWatchBookmarks ? render.bookmark(item.revision) : undefined;
  }

  #fail(error: unknown): IteratorResult<unknown, undefined> {
    this.#end();
    const status = watchError(error, this.#request.options);
    return status === undefined ? END : { done: false, value: { type: 'ERROR', object: status } };
  }
}

function durationMs({ random }: WatchDeps, { timeoutSeconds }: ListOptions): number {
  return timeoutSeconds === undefined ? MIN_WATCH_MS * (1 + nextFloat(random)) : timeoutSeconds * 1000;
}

/** The first state, when that is wanted, and the changes that are already history. */
async function* readHead(deps: WatchDeps, request: WatchRequest, watcher: Watcher): AsyncGenerator<unknown> {
  deps.hub.start();
  const afterRevision = yield* firstState(deps, request);
  // A client of another life of this cluster, such as before a snapshot was restored, must list again.
  if (afterRevision > deps.objects.revision()) throw new StoreError('future-revision', 'it has not happened here');
  for await (const { type, change } of watcher.catchUp(afterRevision)) yield await request.render.change(type, change);
}

/** Returns the revision from which to go on. */
async function* firstState(
  deps: WatchDeps,
  { filter, options, render, signal }: WatchRequest,
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
