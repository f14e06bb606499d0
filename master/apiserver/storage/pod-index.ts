/**
 * The pods of each node, kept from the hub of pods: what the node authorizer and the metrics API ask for. Changes reach it
 * before they reach any watcher, so that a node which hears of a pod may at once read the pod's Secrets.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { type AnyKind, type ApiObject, asKind } from './api-object.ts';
import type { Change } from './change.ts';
import { storeKeyOf } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { Subscriber } from './subscribers.ts';
import type { WatchHub } from './watch-hub.ts';

export class PodIndex implements Subscriber {
  readonly #kind: AnyKind;
  readonly #objects: ObjectStore;
  readonly #hub: WatchHub;
  readonly #byNode = new Map<string, Map<string, Pod>>();
  #ready: Promise<void> | undefined;

  constructor(kind: AnyKind, objects: ObjectStore, hub: WatchHub) {
    this.#kind = kind;
    this.#objects = objects;
    this.#hub = hub;
  }

  /** Pods that are assigned to the node. */
  async podsOf(node: string): Promise<readonly Pod[]> {
    this.#ready ??= this.#fill();
    await this.#ready;
    return [...(this.#byNode.get(node)?.values() ?? [])];
  }

  onChange(change: Change): void {
    if (change.previous !== undefined) this.#remove(change.key, change.previous);
    if (change.object !== undefined) this.#add(change.key, change.object);
  }

  onProgress(): void {
    // An index does not resume, it is filled anew.
  }

  onEnd(): void {
    this.#ready = undefined;
  }

  async #fill(): Promise<void> {
    for (;;) {
      this.#hub.start();
      this.#byNode.clear();
      const { items, revision } = await this.#objects.list(this.#kind, { namespace: '' });
      for (const { key, object } of items) this.#add(key, object);
      if (this.#hub.attach(this, revision, undefined)) return;
    }
  }

  #add(key: string, object: ApiObject): void {
    const pod = asKind<Pod>(this.#kind, object);
    const node = pod.spec.nodeName;
    if (!node) return;
    const pods = this.#byNode.get(node) ?? new Map<string, Pod>();
    this.#byNode.set(node, pods.set(key, pod));
  }

  #remove(key: string, object: ApiObject): void {
    const node = asKind<Pod>(this.#kind, object).spec.nodeName ?? '';
    const pods = this.#byNode.get(node);
    pods?.delete(key);
    if (pods?.size === 0) this.#byNode.delete(node);
  }

  /** Whether the pod of that name is the node's. */
  async isPodOf(node: string, namespace: string, name: string): Promise<boolean> {
    await this.podsOf(node);
    return this.#byNode.get(node)?.has(storeKeyOf(this.#kind, { namespace, name })) ?? false;
  }
}
