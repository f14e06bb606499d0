/** Gauges of the server beside its request counters, as Prometheus text. */
import type { Store } from '../../store/store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { WatchHubs } from '../storage/watch-hubs.ts';

export interface MeasuredParts {
  objects: ObjectStore;
  hubs: WatchHubs;
  store: Pick<Store, 'revision'>;
}

export function renderServerMetrics({ objects, hubs, store }: MeasuredParts): string {
  return [
    '# TYPE apiserver_registered_watchers gauge',
    `apiserver_registered_watchers ${hubs.watchers}`,
    '# TYPE bramble_apiserver_cached_objects gauge',
    `bramble_apiserver_cached_objects ${objects.cache.size}`,
    '# TYPE bramble_store_revision counter',
    `bramble_store_revision ${store.revision()}`,
    '',
  ].join('\n');
}
