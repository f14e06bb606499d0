/**
 * The objects of one kind by namespace, kept from its hub: for rules that every request asks and that must not cost a look
 * into the store. Filled when it is first asked. Changes reach it before they reach any watcher.
 */
import { type AnyKind, type ApiObject, asKind, type TypedObject } from './api-object.ts';
import type { Change } from './change.ts';
import type { ObjectStore } from './object-store.ts';
import type { Subscriber } from './subscribers.ts';
import type { WatchHub } from './watch-hub.ts';

export interface ObjectIndexOptions {
  kind: AnyKind;
  objects: ObjectStore;
  hub: WatchHub;
}

export interface IndexListener {
  onChange(change: Change): void;
  /** All objects were read anew. */
  onFilled(): void;
}

export class ObjectIndex<T extends TypedObject> implements Subscriber {
  readonly #options: ObjectIndexOptions;
  readonly #byNamespace = new Map<string, Map<string, T>>();
  #ready: Promise<void> | undefined;
  #generation = 0;
  #isFilled = false;
  #listener: IndexListener | undefined;

  constructor(options: ObjectIndexOptions) {
    this.#options = options;
  }

  /** Another number after each change: what is computed from the objects is good as long as it stays. */
  get generation(): number {
    return this.#generation;
  }

  /** Resolves when the objects can be read at once. */
  async whenReady(): Promise<void> {
    this.#ready ??= this.#fill();
    await this.#ready;
  }

  /** Told of each change after the index has it. Call before the index is first asked. */
  follow(listener: IndexListener): void {
    this.#listener = listener;
  }

  /** Whether the objects can be read without waiting. */
  get isFilled(): boolean {
    return this.#isFilled;
  }

  getNow(namespace: string, name: string): T | undefined {
    return this.#byNamespace.get(namespace)?.get(name);
  }

  /** Of all namespaces. */
  *everything(): Iterable<T> {
    for (const objects of this.#byNamespace.values()) yield* objects.values();
  }

  /** What is known at this very moment, for decisions that must not wait; undefined while the index is being filled. */
  listNow(namespace: string): readonly T[] | undefined {
    return this.#isFilled ? [...(this.#byNamespace.get(namespace)?.values() ?? [])] : undefined;
  }

  /** Objects of the namespace, `''` for those of a cluster-scoped kind, in the order in which they came. */
  async list(namespace: string): Promise<readonly T[]> {
    await this.whenReady();
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
  }

  async get(namespace: string, name: string): Promise<T | undefined> {
    await this.whenReady();
    return this.#byNamespace.get(namespace)?.get(name);
  }

  onChange(change: Change): void {
    const { object, previous } = change;
    this.#generation += 1;
    const gone = object ?? previous;
    if (object !== undefined) this.#add(object);
    else if (gone !== undefined) this.#remove(gone);
    if (this.#isFilled) this.#listener?.onChange(change);
  }

  onProgress(): void {
    // An index does not resume, it is filled anew.
  }

  onEnd(): void {
    this.#ready = undefined;
    this.#isFilled = false;
  }

  async #fill(): Promise<void> {
    const { hub, objects, kind } = this.#options;
    for (;;) {
      hub.start();
      this.#byNamespace.clear();
      const { items, revision } = await objects.list(kind, { namespace: '' });
      for (const { object } of items) this.#add(object);
      this.#generation += 1;
      if (!hub.attach(this, revision, undefined)) continue;
      this.#isFilled = true;
      this.#listener?.onFilled();
      return;
    }
  }

  #add(object: ApiObject): void {
    const { namespace = '', name } = object.metadata;
    const objects = this.#byNamespace.get(namespace) ?? new Map<string, T>();
    this.#byNamespace.set(namespace, objects.set(name, asKind<T>(this.#options.kind, object)));
  }

  #remove({ metadata: { namespace = '', name } }: ApiObject): void {
    const objects = this.#byNamespace.get(namespace);
    objects?.delete(name);
    if (objects?.size === 0) this.#byNamespace.delete(namespace);
  }
}

/** What a rule needs of an index. */
export type ObjectReader<T extends TypedObject> = Pick<ObjectIndex<T>, 'list' | 'get'>;

/** One index a kind, however many rules ask it. */
export class ObjectIndexes {
  readonly #objects: ObjectStore;
  readonly #hubOf: (kind: AnyKind) => WatchHub;
  readonly #kindOf: (group: string, kind: string) => AnyKind | undefined;

  constructor(
    objects: ObjectStore,
    hubOf: (kind: AnyKind) => WatchHub,
    kindOf: (group: string, kind: string) => AnyKind | undefined,
  ) {
    this.#objects = objects;
    this.#hubOf = hubOf;
    this.#kindOf = kindOf;
  }

  /** Undefined where this server does not have the kind. Call once for each kind. */
  make<T extends TypedObject>(group: string, name: string): ObjectIndex<T> | undefined {
    const kind = this.#kindOf(group, name);
    if (kind === undefined) return undefined;
    return new ObjectIndex<T>({ kind, objects: this.#objects, hub: this.#hubOf(kind) });
  }
}
