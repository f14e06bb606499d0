/**
 * Who hears of the changes of a kind. Subscribers that want only one value of a field (the pods of one node) stand in a
 * bucket of that value, so that a change costs as much as the number of those it concerns, not of all watchers.
 */
import type { AnyKind, ApiObject } from './api-object.ts';
import type { Change } from './change.ts';
import { fieldValueOf, type Trigger } from './object-filter.ts';

export interface Subscriber {
  /** Called in order of the revisions; must not wait and must not throw. */
  onChange(change: Change): void;
  /** Every change up to `revision` has been given; called now and then. */
  onProgress(revision: number): void;
  /** Nothing will come any more: resume from the last revision. */
  onEnd(): void;
}

type Buckets = Map<string, Set<Subscriber>>;

export class Subscribers {
  readonly #kind: AnyKind;
  readonly #all = new Set<Subscriber>();
  readonly #untriggered = new Set<Subscriber>();
  readonly #byField = new Map<string, Buckets>();

  constructor(kind: AnyKind) {
    this.#kind = kind;
  }

  get size(): number {
    return this.#all.size;
  }

  add(subscriber: Subscriber, trigger: Trigger | undefined): void {
    this.#all.add(subscriber);
    this.#bucketOf(trigger).add(subscriber);
  }

  remove(subscriber: Subscriber, trigger: Trigger | undefined): void {
    this.#all.delete(subscriber);
    this.#bucketOf(trigger).delete(subscriber);
    if (trigger !== undefined) this.#dropEmpty(trigger);
  }

  dispatch(change: Change): void {
    for (const subscriber of this.#untriggered) subscriber.onChange(change);
    for (const [field, buckets] of this.#byField) {
      const now = this.#valueOf(change.object, field);
      const before = this.#valueOf(change.previous, field);
      if (now !== undefined) give(buckets.get(now), change);
      if (before !== undefined && before !== now) give(buckets.get(before), change);
    }
  }

  progress(revision: number): void {
    for (const subscriber of this.#all) subscriber.onProgress(revision);
  }

  endAll(): void {
    const all = [...this.#all];
    this.#all.clear();
    this.#untriggered.clear();
    this.#byField.clear();
    for (const subscriber of all) subscriber.onEnd();
  }

  #valueOf(object: ApiObject | undefined, field: string): string | undefined {
    return object === undefined ? undefined : (fieldValueOf(this.#kind, object, field) ?? '');
  }

  #bucketOf(trigger: Trigger | undefined): Set<Subscriber> {
    if (trigger === undefined) return this.#untriggered;
    const buckets = getOrMake(this.#byField, trigger.field, () => new Map<string, Set<Subscriber>>());
    return getOrMake(buckets, trigger.value, () => new Set<Subscriber>());
  }

  #dropEmpty({ field, value }: Trigger): void {
    const buckets = this.#byField.get(field);
    if (buckets?.get(value)?.size === 0) buckets.delete(value);
    if (buckets?.size === 0) this.#byField.delete(field);
  }
}

function give(subscribers: Set<Subscriber> | undefined, change: Change): void {
  for (const subscriber of subscribers ?? []) subscriber.onChange(change);
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
