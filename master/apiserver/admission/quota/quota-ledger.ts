/**
 * How much of the quotas is taken, to the object: what is stored, and what is on its way. Kept from the objects themselves and
 * not from a quota's status, so that nothing leaks when a write fails and nothing has to be counted anew after a restart.
 * Invariant: between reading what is taken and taking, nothing else runs.
 */
import { type CountedKind, isCounted, type Usage, UsageSum, usageOf } from '../../../../shared/api/quota/usage.ts';
import type { ResourceQuota } from '../../../../shared/api/resource-quota.ts';
import type { Clock } from '../../../../shared/platform/clock.ts';
import type { AnyKind, ApiObject } from '../../storage/api-object.ts';
import { ObjectIndex } from '../../storage/object-index.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { WatchHub } from '../../storage/watch-hub.ts';
import { PendingUsage } from './pending-usage.ts';

export interface QuotaLedgerOptions {
  objects: ObjectStore;
  hubOf(kind: AnyKind): WatchHub;
  clock: Clock;
}

interface Counted {
  index: ObjectIndex<ApiObject>;
  pending: PendingUsage;
}

export interface Taking {
  key: string;
  namespace: string;
  object: ApiObject;
  usage: Usage;
  /** Of the stored object; absent for a create. */
  afterRevision?: number;
}

export class QuotaLedger {
  readonly #options: QuotaLedgerOptions;
  readonly #byKind = new Map<AnyKind, Counted>();
  readonly #usages = new WeakMap<ApiObject, Usage>();

  constructor(options: QuotaLedgerOptions) {
    this.#options = options;
  }

  /** Resolves when objects of the kind can be counted without waiting. Kinds that no quota names are never read. */
  async whenReady(kind: AnyKind): Promise<void> {
    const { index } = this.#countedOf(kind);
    while (index.listNow('') === undefined) await index.whenReady();
  }

  /** What a quota's objects of this kind take together, those on their way included. Call right after `whenReady`. */
  taken(kind: AnyKind, quota: ResourceQuota, names: readonly string[]): UsageSum {
    const { index, pending } = this.#countedOf(kind);
    const { namespace = '' } = quota.metadata;
    const sum = new UsageSum(names);
    for (const object of index.listNow(namespace) ?? []) {
      if (isCounted(quota.spec, object)) sum.add(this.usageOf(kind, object));
    }
    for (const write of pending.in(namespace)) if (isCounted(quota.spec, write.object)) sum.add(write.usage);
    return sum;
  }

  /** Counts the write as taken; gives what undoes it. */
  take(kind: AnyKind, { afterRevision = this.#options.objects.revision(), ...taking }: Taking): () => void {
    return this.#countedOf(kind).pending.add({ ...taking, afterRevision });
  }

  usageOf(kind: CountedKind, object: ApiObject): Usage {
    const known = this.#usages.get(object);
    if (known !== undefined) return known;
    const usage = usageOf(kind, object, this.#options.clock.nowMs());
    // What a pod on its way out takes depends on the time; objects that are not stored yet may still change.
    const isFixed = object.metadata.deletionTimestamp === undefined && Boolean(object.metadata.resourceVersion);
    if (isFixed) this.#usages.set(object, usage);
    return usage;
  }

  #countedOf(kind: AnyKind): Counted {
    let counted = this.#byKind.get(kind);
    if (counted === undefined) {
      const { objects, hubOf } = this.#options;
      counted = { index: new ObjectIndex({ kind, objects, hub: hubOf(kind) }), pending: new PendingUsage() };
      counted.index.follow(counted.pending);
      this.#byKind.set(kind, counted);
    }
    return counted;
  }
}
