/**
 * What the kernel keeps of nftables, for tests: takes the scripts that we render, all of one or nothing, and complains as the
 * kernel would: about what is missing, about what is there already, about a chain that somebody still jumps to.
 */
import { NftError } from './errors.ts';
import { parseRule, type Rule } from './rule.ts';

export interface Chain {
  hook: string | undefined;
  type: string;
  priority: number;
  rules: Rule[];
}

export interface ElementSet {
  isMap: boolean;
  isInterval: boolean;
  isDynamic: boolean;
  /** Key → verdict text; empty in a set. */
  elements: Map<string, string>;
}

export interface Table {
  chains: Map<string, Chain>;
  sets: Map<string, ElementSet>;
}

export class NftKernel {
  tables = new Map<string, Table>();
  /** Commands of all scripts so far. */
  commands = 0;

  /** All of the script or nothing. */
  apply(script: string): void {
    const before = new Map([...this.tables].map(([name, table]) => [name, copyOf(table)]));
    try {
      for (const line of script.split('\n')) if (!/^(#|\s*$)/.test(line)) this.#command(line.trim());
      for (const table of this.tables.values()) checkReferences(table);
    } catch (error) {
      this.tables = before;
      throw error;
    }
  }

  table(name: string): Table {
    return found(this.tables.get(name), `table ${name}`);
  }

  #command(line: string): void {
    this.commands += 1;
    const [, verb = '', what = '', name = '', rest = ''] = /^(\w+) (\w+) inet (\S+) ?(.*)$/s.exec(line) ?? [];
    if (what === 'table') {
      this.#tableCommand(verb, name);
      return;
    }
    const table = this.table(name);
    const [, subject = '', body = ''] = /^(\S+) ?(.*)$/s.exec(rest) ?? [];
    const command = COMMANDS[`${verb} ${what}`];
    if (command === undefined) throw new NftError(`unknown command: ${line}`);
    command(table, subject, body);
  }

  #tableCommand(verb: string, name: string): void {
    if (verb === 'add') {
      if (!this.tables.has(name)) this.tables.set(name, { chains: new Map(), sets: new Map() });
    } else if (!this.tables.delete(name)) throw new NftError(`no table ${name}`);
  }
}

/** Rules never change, so that a copy may share them. */
function copyOf({ chains, sets }: Table): Table {
  return {
    chains: new Map([...chains].map(([name, chain]) => [name, { ...chain, rules: [...chain.rules] }])),
    sets: new Map([...sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }])),
  };
}

type Command = (table: Table, subject: string, body: string) => void;

const COMMANDS: Readonly<Record<string, Command>> = {
  'add chain': addChain,
  'add map': (table, name, body) => addSet(table, name, body, true),
  'add set': (table, name, body) => addSet(table, name, body, false),
  'add rule': (table, name, body) => {
    found(table.chains.get(name), `chain ${name}`).rules.push(parseRule(body));
  },
  'flush chain': (table, name) => {
    found(table.chains.get(name), `chain ${name}`).rules = [];
  },
  'delete chain': (table, name) => {
    if (!table.chains.delete(name)) throw new NftError(`no chain ${name}`);
  },
  'delete set': (table, name) => {
    if (!table.sets.delete(name)) throw new NftError(`no set ${name}`);
  },
  'add element': addElements,
  'delete element': (table, name, body) => {
    const { elements } = found(table.sets.get(name), `set ${name}`);
    for (const { key } of parseElements(body)) if (!elements.delete(key)) throw new NftError(`no ${key} in ${name}`);
  },
};

function addChain(table: Table, name: string, body: string): void {
  const [, type = '', hook, priority = '0'] = /type (\w+) hook (\w+) priority (-?\d+)/.exec(body) ?? [];
  checkName(name);
  if (!table.chains.has(name)) table.chains.set(name, { hook, type, priority: Number(priority), rules: [] });
}

function addSet(table: Table, name: string, body: string, isMap: boolean): void {
  checkName(name);
  if (table.sets.has(name)) return;
  const isInterval = body.includes('flags interval');
  table.sets.set(name, { isMap, isInterval, isDynamic: body.includes('dynamic'), elements: new Map() });
}

/** Source: nft(8), the scanner's `string`; the kernel's NFT_NAME_MAXLEN. */
function checkName(name: string): void {
  if (!/^[a-z_.][a-z0-9/\-_.]*$/i.test(name) || name.length > 255) throw new NftError(`bad name ${name}`);
}

function addElements(table: Table, name: string, body: string): void {
  const { elements, isMap } = found(table.sets.get(name), `set ${name}`);
  for (const { key, value } of parseElements(body)) {
    const present = elements.get(key);
    if (present !== undefined && present !== value) throw new NftError(`${key} in ${name} exists, with ${present}`);
    if (isMap === (value === '')) throw new NftError(`${key} in ${name} has the wrong form`);
    elements.set(key, value);
  }
}

function parseElements(body: string): { key: string; value: string }[] {
  const [, inner = ''] = /^\{ (.*) \}$/s.exec(body) ?? [];
  return inner.split(', ').map((part) => {
    const [key = '', value = ''] = part.split(' : ');
    return { key, value };
  });
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new NftError(`no ${what}`);
  return value;
}

/** Whatever a rule or an element names must be there at the end of a transaction. */
function checkReferences(table: Table): void {
  const chainOf = (text: string): string | undefined => /^(?:goto|jump) (\S+)$/.exec(text)?.[1];
  for (const [name, { elements }] of table.sets) {
    for (const value of elements.values()) {
      const target = chainOf(value);
      if (target !== undefined && !table.chains.has(target)) throw new NftError(`${name} leads to no chain: ${target}`);
    }
  }
  for (const { rules } of table.chains.values()) {
    for (const rule of rules) {
      for (const chain of rule.chains)
        if (!table.chains.has(chain)) throw new NftError(`a rule jumps to no chain: ${chain}`);
      for (const set of rule.sets) if (!table.sets.has(set)) throw new NftError(`a rule names no set: ${set}`);
    }
  }
}
