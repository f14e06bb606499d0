/**
 * The entries that the master has told, by kind and key. A first load comes in parts and replaces everything at once; changes
 * are numbered, and one that is missing means that the connection must begin anew. Pure.
 */
import type { Entries, EntryKind, EntryView } from '../views/view-types.ts';

export type Message =
  | { type: 'reset' | 'resume'; epoch: string; sequence: number; nowMs: number }
  | { type: 'part'; set: Record<string, EntryView> }
  | { type: 'ready' }
  | { type: 'delta'; sequence: number; nowMs: number; set: Record<string, EntryView>; remove: string[] }
  | { type: 'beat'; nowMs: number };

type Tables = Map<string, Map<string, EntryView>>;

export class Store {
  #tables: Tables = new Map();
  #loading: Tables | undefined;
  #position: { epoch: string; sequence: number } | undefined;
  /** Of the master's clock, at the last message that told it. */
  #heard: { masterMs: number; atMs: number } | undefined;

  /** Where to go on after a lost connection. */
  get since(): string {
    return this.#position === undefined ? '' : `${this.#position.epoch}.${this.#position.sequence}`;
  }

  /** Whether there is anything to show. */
  get isLoaded(): boolean {
    return this.#tables.size > 0;
  }

  /** The local time of the last message; undefined: none yet. */
  get heardMs(): number | undefined {
    return this.#heard?.atMs;
  }

  /** What the master's clock says at a local time. */
  masterMs(atMs: number): number {
    return this.#heard === undefined ? atMs : this.#heard.masterMs + (atMs - this.#heard.atMs);
  }

  /** `broken`: something is missing, begin anew. */
  take(message: Message, atMs: number): 'changed' | 'same' | 'broken' {
    if ('nowMs' in message) this.#heard = { masterMs: message.nowMs, atMs };
    if (message.type === 'reset' || message.type === 'resume') return this.#begin(message);
    if (message.type === 'part') return this.#takePart(message.set);
    if (message.type === 'ready') return this.#finish();
    if (message.type === 'delta') return this.#takeDelta(message);
    return 'same';
  }

  all<K extends EntryKind>(kind: K): ReadonlyMap<string, Entries[K]> {
    return (this.#tables.get(kind) ?? EMPTY) as ReadonlyMap<string, Entries[K]>;
  }

  get<K extends EntryKind>(kind: K, key: string): Entries[K] | undefined {
    return this.all(kind).get(key);
  }

  /** Nothing that was told counts any more: the next connection begins anew. */
  forgetPosition(): void {
    this.#position = undefined;
  }

  #begin({ type, epoch, sequence }: { type: 'reset' | 'resume'; epoch: string; sequence: number }): 'same' {
    this.#position = { epoch, sequence };
    this.#loading = type === 'reset' ? new Map() : undefined;
    return 'same';
  }

  #takePart(set: Record<string, EntryView>): 'same' {
    for (const [key, view] of Object.entries(set)) write(this.#loading ?? this.#tables, key, view);
    return 'same';
  }

  #finish(): 'changed' | 'same' {
    if (this.#loading === undefined) return 'same';
    this.#tables = this.#loading;
    this.#loading = undefined;
    return 'changed';
  }

  #takeDelta({ sequence, set, remove }: Extract<Message, { type: 'delta' }>): 'changed' | 'broken' {
    if (this.#position === undefined || sequence !== this.#position.sequence + 1) return 'broken';
    this.#position.sequence = sequence;
    for (const [key, view] of Object.entries(set)) write(this.#tables, key, view);
    for (const key of remove) this.#tables.get(kindOf(key))?.delete(key);
    return 'changed';
  }
}

const EMPTY: ReadonlyMap<string, EntryView> = new Map();

/** The verdict's key is its kind. */
export function kindOf(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : key.slice(0, slash);
}

function write(tables: Tables, key: string, view: EntryView): void {
  const kind = kindOf(key);
  const table = tables.get(kind);
  if (table === undefined) tables.set(kind, new Map([[key, view]]));
  else table.set(key, view);
}
