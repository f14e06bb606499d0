/**
 * Numbers 0…size-1, each held by one owner at most. A bitmap says quickly which are free; owners are kept so that a late
 * release cannot free what somebody else has got meanwhile.
 */
import { nextInt, type Random } from '../../../../shared/platform/random.ts';

export class NumberPool {
  readonly #size: number;
  readonly #reserved: ReadonlySet<number>;
  readonly #bits: Uint32Array;
  readonly #owners = new Map<number, string>();
  /** Taken for a write that has not been seen in the store yet. */
  readonly #pending = new Set<number>();

  /** `reserved` numbers are given only to those who ask for them. */
  constructor(size: number, reserved: Iterable<number> = []) {
    this.#size = size;
    this.#reserved = new Set(reserved);
    this.#bits = new Uint32Array(Math.ceil(size / 32));
  }

  get used(): number {
    return this.#owners.size;
  }

  /** A write may need this number: false when another owner has it. */
  take(number: number, owner: string): boolean {
    const present = this.#owners.get(number);
    if (present !== undefined && present !== owner) return false;
    this.#set(number, owner);
    this.#pending.add(number);
    return true;
  }

  /** Any free number, at random so that a number just given back is not given out again; undefined when none is left. */
  takeAny(owner: string, random: Random): number | undefined {
    const start = nextInt(random, this.#size);
    for (let step = 0; step < this.#size; step += 1) {
      const number = (start + step) % this.#size;
      if (this.#reserved.has(number) || this.#isSet(number)) continue;
      this.take(number, owner);
      return number;
    }
    return undefined;
  }

  /** The write did not happen. A number that the owner had before stays its own. */
  abort(number: number, owner: string, hadBefore: boolean): void {
    this.#pending.delete(number);
    if (!hadBefore) this.release(number, owner);
  }

  /** The store holds it. What is stored counts, even if two objects should claim one number. */
  confirm(number: number, owner: string): void {
    this.#pending.delete(number);
    if (!this.#owners.has(number)) this.#set(number, owner);
  }

  /** The store does not hold it any more. */
  release(number: number, owner: string): void {
    if (this.#owners.get(number) !== owner || this.#pending.has(number)) return;
    this.#owners.delete(number);
    const word = number >>> 5;
    this.#bits[word] = (this.#bits[word] ?? 0) & ~(1 << (number & 31));
  }

  isOwnedBy(number: number, owner: string): boolean {
    return this.#owners.get(number) === owner;
  }

  clear(): void {
    this.#bits.fill(0);
    this.#owners.clear();
    this.#pending.clear();
  }

  #isSet(number: number): boolean {
    return ((this.#bits[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  #set(number: number, owner: string): void {
    const word = number >>> 5;
    this.#bits[word] = (this.#bits[word] ?? 0) | (1 << (number & 31));
    this.#owners.set(number, owner);
  }
}
