/**
 * The changes of volatile keys that can still be told: a bounded queue in memory. For each directory that ever held a volatile
 * key it knows the floor, the last revision whose change is lost, be it pushed out of the queue or gone with a restart.
 * Invariant: every change of a volatile key under a prefix with a revision above the prefix's floor is in the queue.
 */
import { directoryOf } from './key-range.ts';
import type { StoreEvent } from './store.ts';

export interface VolatileHistoryLimits {
  events: number;
  chars: number;
}

interface Entry {
  revision: number;
  key: string;
  chars: number;
  event: StoreEvent;
}

export class VolatileHistory {
  readonly #limits: VolatileHistoryLimits;
  /** Directory to floor. The directory '' stands for all. */
  readonly #floors: Map<string, number>;
  /** Ordered by revision; those before #head are gone. */
  #entries: Entry[] = [];
  #head = 0;
  #chars = 0;

  /** `directories` held volatile keys before this start of the store, all of whose changes before `startRevision` are lost. */
  constructor(limits: VolatileHistoryLimits, directories: readonly string[], startRevision: number) {
    this.#limits = limits;
    this.#floors = new Map(directories.map((directory) => [directory, startRevision]));
  }

  get directoryCount(): number {
    return this.#floors.size;
  }

  knows(directory: string): boolean {
    return this.#floors.has(directory) || this.#floors.has('');
  }

  /** A directory without volatile changes until now. */
  addDirectory(directory: string): void {
    this.#floors.set(directory, 0);
  }

  push(event: StoreEvent): void {
    const key = keyOf(event);
    const entry = { revision: revisionOf(event), key, chars: charsOf(event), event };
    this.#entries.push(entry);
    this.#chars += entry.chars;
    while (this.#length() > this.#limits.events || (this.#chars > this.#limits.chars && this.#length() > 1))
      this.#drop();
  }

  /** Changes at or before this revision cannot be told for `prefix`; 0 when all can. */
  floor(prefix: string): number {
    let floor = 0;
    for (const [directory, lost] of this.#floors) {
      if (directory.startsWith(prefix) || prefix.startsWith(directory)) floor = Math.max(floor, lost);
    }
    return floor;
  }

  /** Oldest first. */
  *events(prefix: string, afterRevision: number, upToRevision: number): Generator<StoreEvent> {
    for (let index = this.#indexAfter(afterRevision); index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry === undefined || entry.revision > upToRevision) return;
      if (entry.key.startsWith(prefix)) yield entry.event;
    }
  }

  /** Compaction: whoever asks for less is refused before history is read. */
  forget(upToRevision: number): void {
    while (this.#length() > 0 && (this.#entries[this.#head]?.revision ?? 0) <= upToRevision) this.#drop();
  }

  #length(): number {
    return this.#entries.length - this.#head;
  }

  #drop(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#head += 1;
    this.#chars -= entry.chars;
    const directory = directoryOf(entry.key);
    this.#floors.set(this.#floors.has(directory) ? directory : '', entry.revision);
    if (this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** Binary search. */
  #indexAfter(revision: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function keyOf(event: StoreEvent): string {
  return event.type === 'put' ? event.keyValue.key : event.key;
}

export function revisionOf(event: StoreEvent): number {
  return event.type === 'put' ? event.keyValue.modRevision : event.revision;
}

function charsOf(event: StoreEvent): number {
  return (event.type === 'put' ? event.keyValue.value.length : 0) + (event.previous?.value.length ?? 0);
}
