/**
 * Keeps the fragments of a table and tells which steps lead from what was taken last to what is wanted now. Owners may want
 * the same element (two services with one external address): the smallest rank gets it, and when that owner goes, the next
 * one. Invariant: whatever was changed in whatever order, the table is the one that the fragments alone define.
 */
import { assert } from '../../../shared/platform/assert.ts';
import type { Change, Element, Fragment, NamedSet } from './ruleset.ts';

interface Claim {
  owner: string;
  rank: string;
  value: string;
}

/** What is known of one key of one set. */
interface Claimed {
  set: string;
  key: string;
  claims: Claim[];
}

export class Fragments {
  readonly #fragments = new Map<string, Fragment>();
  readonly #claimed = new Map<string, Claimed>();
  /** As it was taken last, for what has been touched since. */
  readonly #chainsBefore = new Map<string, readonly string[] | undefined>();
  readonly #setsBefore = new Map<string, NamedSet | undefined>();
  readonly #elementsBefore = new Map<string, { set: string; key: string; value: string | undefined }>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #sets = new Map<string, NamedSet>();

  get(owner: string): Fragment | undefined {
    return this.#fragments.get(owner);
  }

  owners(): string[] {
    return [...this.#fragments.keys()];
  }

  /** undefined: the owner has nothing (any more). */
  put(owner: string, fragment: Fragment | undefined): void {
    const before = this.#fragments.get(owner);
    if (before !== undefined) this.#remove(owner, before);
    if (fragment === undefined) this.#fragments.delete(owner);
    else {
      this.#fragments.set(owner, fragment);
      this.#add(owner, fragment);
    }
  }

  /** The steps since the last call, in an order in which each is possible. */
  take(): Change[] {
    const chains = [...this.#chainsBefore].filter(([name, before]) => !sameRules(before, this.#chains.get(name)));
    const sets = [...this.#setsBefore].filter(([name, before]) => !sameSet(before, this.#sets.get(name)));
    const elements = [...this.#elementsBefore.values()].filter(
      ({ set, key, value }) => this.#valueOf(set, key) !== value,
    );
    const changes = [
      ...sets.flatMap(([name]) => this.#addSet(name)),
      ...chains.flatMap(([name, before]) => this.#addChain(name, before)),
      ...chains.flatMap(([name, before]) => this.#fillChain(name, before)),
      ...groupElements(
        'delete-elements',
        elements.flatMap(({ set, key, value }) => asElement(set, key, value)),
      ),
      ...groupElements(
        'add-elements',
        elements.flatMap(({ set, key }) => asElement(set, key, this.#valueOf(set, key))),
      ),
      ...chains.flatMap(([name]) => (this.#chains.has(name) ? [] : [{ type: 'delete-chain', chain: name } as const])),
      ...sets.flatMap(([name, before]) =>
        before === undefined || this.#sets.has(name) ? [] : [{ type: 'delete-set', set: name } as const],
      ),
    ];
    this.#forgetBefore();
    return changes;
  }

  /** The steps from an empty table. */
  takeAll(): Change[] {
    this.#forgetBefore();
    for (const name of this.#chains.keys()) this.#chainsBefore.set(name, undefined);
    for (const name of this.#sets.keys()) this.#setsBefore.set(name, undefined);
    for (const [id, { set, key }] of this.#claimed) this.#elementsBefore.set(id, { set, key, value: undefined });
    return this.take();
  }

  #forgetBefore(): void {
    this.#chainsBefore.clear();
    this.#setsBefore.clear();
    this.#elementsBefore.clear();
  }

  #remove(owner: string, { chains, sets, elements }: Fragment): void {
    for (const name of chains.keys()) this.#setChain(name, undefined);
    for (const { name } of sets) this.#setSet(name, undefined);
    for (const { set, key } of elements) this.#release(owner, set, key);
  }

  #add(owner: string, { rank, chains, sets, elements }: Fragment): void {
    for (const [name, rules] of chains) {
      assert(!this.#chains.has(name), `chain ${name} has an owner already`);
      this.#setChain(name, rules);
    }
    for (const set of sets) {
      assert(!this.#sets.has(set.name), `set ${set.name} has an owner already`);
      this.#setSet(set.name, set);
    }
    for (const { set, key, value } of elements) this.#claim(set, key, { owner, rank, value });
  }

  #setChain(name: string, rules: readonly string[] | undefined): void {
    if (!this.#chainsBefore.has(name)) this.#chainsBefore.set(name, this.#chains.get(name));
    if (rules === undefined) this.#chains.delete(name);
    else this.#chains.set(name, rules);
  }

  #setSet(name: string, set: NamedSet | undefined): void {
    if (!this.#setsBefore.has(name)) this.#setsBefore.set(name, this.#sets.get(name));
    if (set === undefined) this.#sets.delete(name);
    else this.#sets.set(name, set);
  }

  #claim(set: string, key: string, claim: Claim): void {
    const id = this.#noteElement(set, key);
    const claimed = this.#claimed.get(id) ?? { set, key, claims: [] };
    const others = claimed.claims.filter(({ owner }) => owner !== claim.owner);
    claimed.claims = [...others, claim].sort(byRank);
    this.#claimed.set(id, claimed);
  }

  #release(owner: string, set: string, key: string): void {
    const id = this.#noteElement(set, key);
    const claimed = this.#claimed.get(id);
    if (claimed === undefined) return;
    claimed.claims = claimed.claims.filter((claim) => claim.owner !== owner);
    if (claimed.claims.length === 0) this.#claimed.delete(id);
  }

  #noteElement(set: string, key: string): string {
    const id = idOf(set, key);
    if (!this.#elementsBefore.has(id)) this.#elementsBefore.set(id, { set, key, value: this.#valueOf(set, key) });
    return id;
  }

  #valueOf(set: string, key: string): string | undefined {
    return this.#claimed.get(idOf(set, key))?.claims[0]?.value;
  }

  #addSet(name: string): Change[] {
    const set = this.#sets.get(name);
    return set === undefined ? [] : [{ type: 'add-set', set }];
  }

  #addChain(name: string, before: readonly string[] | undefined): Change[] {
    return before === undefined && this.#chains.has(name) ? [{ type: 'add-chain', chain: name }] : [];
  }

  /** A chain that goes is emptied first, so that nothing of it holds on to another chain that goes. */
  #fillChain(name: string, before: readonly string[] | undefined): Change[] {
    return [{ type: 'fill-chain', chain: name, rules: this.#chains.get(name) ?? [], isNew: before === undefined }];
  }
}

function idOf(set: string, key: string): string {
  return `${set} ${key}`;
}

function byRank(a: Claim, b: Claim): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return a.owner < b.owner ? -1 : 1;
}

function asElement(set: string, key: string, value: string | undefined): Element[] {
  return value === undefined ? [] : [{ set, key, value }];
}

function groupElements(type: 'delete-elements' | 'add-elements', elements: readonly Element[]): Change[] {
  const groups = Map.groupBy(elements, ({ set }) => set);
  return [...groups].map(([set, members]) => ({ type, set, elements: members }));
}

function sameRules(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}

/** A set cannot be changed; what differs must have another name. */
function sameSet(a: NamedSet | undefined, b: NamedSet | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  assert(JSON.stringify(a) === JSON.stringify(b), `set ${a.name} changes its traits`);
  return true;
}
