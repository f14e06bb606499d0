/** The views that are one long list each: workloads, pods, services, events. */
import type { EventView, PodView, ServiceView } from '../views/view-types.ts';
import { byId, setText } from './dom.ts';
import { matches, sorted } from './filter.ts';
import { plural } from './format.ts';
import { List } from './list.ts';
import { newestFirst } from './overview.ts';
import type { Scene } from './parts.ts';
import type { View } from './route.ts';
import { makeEventRow, makePodRow, makeServiceRow, makeWorkloadRow } from './rows.ts';
import type { Store } from './store.ts';
import { type Branch, computeTree } from './tree.ts';

export class Lists {
  readonly #scene: () => Scene;
  readonly #pods: List<PodView>;
  readonly #workloads: List<Branch>;
  readonly #services: List<ServiceView>;
  readonly #events: List<EventView>;
  readonly #branches = new Map<string, Branch>();

  constructor(scene: () => Scene) {
    this.#scene = scene;
    this.#pods = new List({ container: byId('pod-rows'), make: (key) => makePodRow(key, scene) });
    this.#workloads = new List({ container: byId('workload-rows'), make: (key) => makeWorkloadRow(key, scene) });
    this.#services = new List({ container: byId('service-rows'), make: (key) => makeServiceRow(key, scene) });
    this.#events = new List({ container: byId('event-rows'), make: (key) => makeEventRow(key, scene) });
  }

  show(view: View, store: Store, stamp: number): void {
    if (view === 'pods') this.#showPods(store, stamp);
    if (view === 'workloads') this.#showWorkloads(store, stamp);
    if (view === 'services') this.#showServices(store, stamp);
    if (view === 'events') this.#showEvents(store, stamp);
  }

  #showPods(store: Store, stamp: number): void {
    const { route } = this.#scene();
    const found = sorted(store.all('pod')).filter(([, pod]) =>
      matches(
        { ...pod, text: `${pod.name} ${pod.namespace} ${pod.node} ${pod.status} ${labelText(pod.labels)}` },
        route,
      ),
    );
    count('pods', found.length, store.all('pod').size, 'pod');
    this.#pods.show(found, stamp);
  }

  #showWorkloads(store: Store, stamp: number): void {
    const { route } = this.#scene();
    const all = store.all('workload');
    const found = computeTree(all, (one) =>
      matches({ ...one, text: `${one.name} ${one.namespace} ${one.kind} ${one.state} ${one.images.join(' ')}` }, route),
    );
    count('workloads', found.length, all.size, 'workload');
    this.#workloads.show(
      found.map(([key, branch]) => [key, this.#keep(key, branch)] as const),
      stamp,
    );
  }

  /** The same value while it says the same, so that its row is left alone. */
  #keep(key: string, branch: Branch): Branch {
    const kept = this.#branches.get(key);
    if (kept?.workload === branch.workload && kept.depth === branch.depth) return kept;
    this.#branches.set(key, branch);
    return branch;
  }

  #showServices(store: Store, stamp: number): void {
    const { route } = this.#scene();
    const found = sorted(store.all('service')).filter(([, one]) =>
      matches(
        { ...one, text: `${one.name} ${one.namespace} ${one.type} ${one.clusterIP} ${one.ports.join(' ')}` },
        route,
      ),
    );
    count('services', found.length, store.all('service').size, 'service');
    this.#services.show(found, stamp);
  }

  #showEvents(store: Store, stamp: number): void {
    const { route } = this.#scene();
    const keys = new Map([...store.all('event')].map(([key, event]) => [event, key]));
    const found = newestFirst(store.all('event').values())
      .filter((one) =>
        matches({ ...one, text: `${one.reason} ${one.message} ${one.kind} ${one.name} ${one.namespace}` }, route),
      )
      .map((event) => [keys.get(event) ?? '', event] as const);
    count('events', found.length, store.all('event').size, 'event');
    this.#events.show(found, stamp);
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

function count(view: string, found: number, all: number, word: string): void {
  setText(byId(`${view}-count`), found === all ? plural(all, word) : `${found} of ${plural(all, word)}`);
  byId(`${view}-none`).hidden = found > 0;
}
