/**
 * Addresses for the pods of a node, out of its slice. Which ones are taken is in the engine's labels, never here: only when
 * all that were free at the last look have been given is it looked again, so that an address rests before it comes back.
 */
import { addressBits, addressIn, type IpRange, parseRange } from '../../shared/machinery/ip-range.ts';
import { RuntimeError } from './runtime.ts';

export interface AddressLease {
  /** One a family, in the order of the ranges. */
  addresses: string[];
  /** The engine's answers show by now whether they are taken. Idempotent. */
  settle(): void;
}

/** Addresses that are known as free at a time, however large the range is. */
const MAX_FREE = 4_096;

/** The range itself, and the node's own address in it. */
const FIRST_INDEX = 2;

export class PodAddresses {
  readonly #listTaken: () => Promise<ReadonlySet<string>>;
  /** Given, and perhaps not to be seen on the engine yet. */
  readonly #unsettled = new Set<number>();
  #ranges: readonly IpRange[] = [];
  #subnets = '';
  #free: number[] = [];
  #last = FIRST_INDEX - 1;
  #looking: Promise<void> | undefined;

  /** `listTaken`: addresses of all sandboxes of this node on the engine, now. */
  constructor(listTaken: () => Promise<ReadonlySet<string>>) {
    this.#listTaken = listTaken;
  }

  /** Rejects with a RuntimeError when all are taken. */
  async take(subnets: readonly string[]): Promise<AddressLease> {
    this.#follow(subnets);
    if (this.#free.length === 0) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    const index = this.#free.shift();
    if (index === undefined) throw new RuntimeError('failed', `no address of ${this.#subnets} is left for a pod`);
    this.#last = index;
    this.#unsettled.add(index);
    return { addresses: this.#at(index), settle: () => void this.#unsettled.delete(index) };
  }

  #follow(subnets: readonly string[]): void {
    if (subnets.join() === this.#subnets) return;
    this.#subnets = subnets.join();
    this.#ranges = subnets.flatMap((subnet) => parseRange(subnet) ?? []);
    this.#free = [];
  }

  async #look(): Promise<void> {
    const before = [...this.#unsettled];
    const taken = await this.#listTaken();
    const unsettled = new Set([...before, ...this.#unsettled]);
    const isFree = (index: number): boolean =>
      !unsettled.has(index) && !this.#at(index).some((address) => taken.has(address));
    const count = this.#ranges.length === 0 ? 0 : Math.min(...this.#ranges.map(countIndexes));
    const all = Array.from({ length: count }, (_, offset) => FIRST_INDEX + offset).filter(isFree);
    // On from the last one given: what has just become free is the last to be given again.
    this.#free = [...all.filter((index) => index > this.#last), ...all.filter((index) => index <= this.#last)];
  }

  #at(index: number): string[] {
    return this.#ranges.map((range) => addressIn(range, index));
  }
}

/** The last address of an IPv4 range means all of them. */
function countIndexes({ family, prefix }: IpRange): number {
  const size = 2 ** (addressBits(family) - prefix) - (family === 4 ? 1 : 0);
  return Math.max(0, Math.min(MAX_FREE, size - FIRST_INDEX));
}
