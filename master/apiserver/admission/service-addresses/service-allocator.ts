/**
 * Addresses and node ports of Services. The truth is what the stored Services hold; the pools are derived from them at
 * start and follow every change, so that nothing leaks and a restored snapshot repairs itself.
 * Invariant: two stored Services never hold the same address or node port, however many are written at once.
 */
import { DEFAULT_SERVICE_CIDRS } from '../../../../shared/api/cluster-network.ts';
import type { Service } from '../../../../shared/api/service.ts';
import { defined } from '../../../../shared/platform/assert.ts';
import type { Random } from '../../../../shared/platform/random.ts';
import { type AnyKind, type ApiObject, asKind } from '../../storage/api-object.ts';
import type { Change } from '../../storage/change.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Subscriber } from '../../storage/subscribers.ts';
import type { WatchHub } from '../../storage/watch-hub.ts';
import { NumberPool } from './number-pool.ts';
import { addressAt, type FamilyName, indexInRange, parseServiceRange, type ServiceRange } from './service-range.ts';

/** Kubernetes' range. */
export const NODE_PORTS = { first: 30_000, last: 32_767 } as const;

/** Position of the address that the Service `kubernetes` has in the default family: the first usable one, as upstream. */
const KUBERNETES_INDEX = 1;

/** Network address, the address of the Service `kubernetes`, and the one that cluster DNS has by custom. */
const RESERVED_INDEXES: readonly number[] = [0, KUBERNETES_INDEX, 10];

export interface ServiceAllocatorOptions {
  kind: AnyKind;
  objects: ObjectStore;
  hub: WatchHub;
  random: Random;
  /** One range an address family, the default family first; the usual one unless given. */
  serviceCidrs?: readonly string[];
}

/** What a taken number is given back by, when the write does not happen. */
export type OnAbort = (undo: () => void) => void;

export type TakeFailure = 'not-in-range' | 'taken' | 'full';

/** The addresses of one family. */
interface AddressPool {
  range: ServiceRange;
  numbers: NumberPool;
}

export class ServiceAllocator implements Subscriber {
  readonly #options: ServiceAllocatorOptions;
  readonly #addresses: readonly AddressPool[];
  readonly #ports = new NumberPool(NODE_PORTS.last - NODE_PORTS.first + 1);
  #stopped = false;

  constructor(options: ServiceAllocatorOptions) {
    this.#options = options;
    this.#addresses = (options.serviceCidrs ?? DEFAULT_SERVICE_CIDRS).map(parseServiceRange).map((range) => {
      return { range, numbers: new NumberPool(range.size, [...RESERVED_INDEXES, range.size - 1]) };
    });
  }

  /** Families that services can have, the default first. */
  get families(): readonly FamilyName[] {
    return this.#addresses.map(({ range }) => range.family);
  }

  /** Of the Service `kubernetes`. */
  get firstAddress(): string {
    return addressAt(defined(this.#addresses[0], 'a range of services').range, KUBERNETES_INDEX);
  }

  rangeOf(family: FamilyName): ServiceRange {
    return this.#poolOf(family).range;
  }

  /** Reads every Service once and follows the changes from there. */
  async start(): Promise<void> {
    const { hub, kind, objects } = this.#options;
    for (;;) {
      hub.start();
      const { items, revision } = await objects.list(kind, { namespace: '' });
      for (const { numbers } of this.#addresses) numbers.clear();
      this.#ports.clear();
      for (const { key, object } of items) this.#confirm(key, object);
      if (hub.attach(this, revision, undefined)) return;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#options.hub.detach(this, undefined);
  }

  onChange(change: Change): void {
    if (change.previous !== undefined) this.#release(change.key, change.previous);
    if (change.object !== undefined) this.#confirm(change.key, change.object);
  }

  onProgress(): void {
    // Nothing to resume from.
  }

  onEnd(): void {
    if (!this.#stopped) void this.start().catch(() => undefined);
  }

  /** A given address for the Service stored under `key`. */
  takeAddress(address: string, key: string, onAbort: OnAbort): TakeFailure | undefined {
    const [found] = this.#placesOf(address);
    if (found === undefined) return 'not-in-range';
    return this.#take(found.pool, { number: found.number, key, onAbort }) ? undefined : 'taken';
  }

  /** Any free address; undefined when the range is full. */
  takeAnyAddress(family: FamilyName, key: string, onAbort: OnAbort): string | undefined {
    const { numbers, range } = this.#poolOf(family);
    const index = this.#takeAny(numbers, key, onAbort);
    return index === undefined ? undefined : addressAt(range, index);
  }

  takePort(port: number, key: string, onAbort: OnAbort): TakeFailure | undefined {
    if (port < NODE_PORTS.first || port > NODE_PORTS.last) return 'not-in-range';
    return this.#take(this.#ports, { number: port - NODE_PORTS.first, key, onAbort }) ? undefined : 'taken';
  }

  takeAnyPort(key: string, onAbort: OnAbort): number | undefined {
    const index = this.#takeAny(this.#ports, key, onAbort);
    return index === undefined ? undefined : NODE_PORTS.first + index;
  }

  #take(pool: NumberPool, { number, key, onAbort }: { number: number; key: string; onAbort: OnAbort }): boolean {
    const hadBefore = pool.isOwnedBy(number, key);
    if (!pool.take(number, key)) return false;
    onAbort(() => pool.abort(number, key, hadBefore));
    return true;
  }

  #takeAny(pool: NumberPool, key: string, onAbort: OnAbort): number | undefined {
    const number = pool.takeAny(key, this.#options.random);
    if (number !== undefined) onAbort(() => pool.abort(number, key, false));
    return number;
  }

  #confirm(key: string, object: ApiObject): void {
    for (const { pool, number } of this.#numbersOf(object)) pool.confirm(number, key);
  }

  #release(key: string, object: ApiObject): void {
    for (const { pool, number } of this.#numbersOf(object)) pool.release(number, key);
  }

  #numbersOf(object: ApiObject): { pool: NumberPool; number: number }[] {
    const { spec } = asKind<Service>(this.#options.kind, object);
    const addresses = (spec.clusterIPs ?? []).flatMap((address) => this.#placesOf(address));
    const nodePorts = [spec.healthCheckNodePort, ...(spec.ports ?? []).map(({ nodePort }) => nodePort)];
    const ports = nodePorts.flatMap((port) => (port === undefined || port === 0 ? [] : port - NODE_PORTS.first));
    return [...addresses, ...ports.map((number) => ({ pool: this.#ports, number }))];
  }

  /** Where an address is counted: one place at most, none outside of all ranges. */
  #placesOf(address: string): { pool: NumberPool; number: number }[] {
    return this.#addresses.flatMap(({ range, numbers }) => {
      const number = indexInRange(range, address);
      return number === undefined ? [] : [{ pool: numbers, number }];
    });
  }

  #poolOf(family: FamilyName): AddressPool {
    return defined(
      this.#addresses.find(({ range }) => range.family === family),
      `a range of ${family} addresses`,
    );
  }
}
