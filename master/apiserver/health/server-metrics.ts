/** Gauges of the server beside its request counters. */
import type { MetricsRegistry } from '../../../shared/platform/metrics.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { WatchHubs } from '../storage/watch-hubs.ts';

export interface MeasuredParts {
  objects: ObjectStore;
  hubs: WatchHubs;
  store: Pick<Store, 'revision'>;
}

export function measureServer(registry: MetricsRegistry, { objects, hubs, store }: MeasuredParts): void {
  registry.read('apiserver_registered_watchers', { help: 'Watches that are open' }, () => [{ value: hubs.watchers }]);
  registry.read('bramble_apiserver_cached_objects', { help: 'Objects that are kept parsed' }, () => [
    { value: objects.cache.size },
  ]);
  registry.read('bramble_store_revision', { help: 'Writes since the store was made', type: 'counter' }, () => [
    { value: store.revision() },
  ]);
}
