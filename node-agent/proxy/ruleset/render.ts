/** Pure: a transaction as the text that `nft -f` takes. The kernel does all of it or nothing. Source: nft(8). */
import { unreachable } from '../../../shared/platform/assert.ts';
import type { BaseChain, Change, Element, NamedSet, Skeleton } from './ruleset.ts';

const FAMILY = 'inet';

/** Elements in one command: nft's parser takes long lines badly. */
const MAX_ELEMENTS_A_COMMAND = 500;

/** Addresses that a set remembers at most for sessions; the oldest make room by timing out. */
const MAX_DYNAMIC_ELEMENTS = 65_536;

/** The table as a whole, in place of whatever is there: packets see the old one or the new one. */
export function renderTable(skeleton: Skeleton, changes: readonly Change[]): string {
  const { table, bases, sets, chains, elements } = skeleton;
  const own: Change[] = [
    ...sets.map((set): Change => ({ type: 'add-set', set })),
    ...[...chains.keys()]
      .filter((chain) => !bases.some(({ name }) => name === chain))
      .map((chain): Change => ({ type: 'add-chain', chain })),
  ];
  const rules = [...chains].map(([chain, text]): Change => ({ type: 'fill-chain', chain, rules: text, isNew: true }));
  const groups = Map.groupBy(elements, ({ set }) => set);
  const fixed = [...groups].map(([set, members]): Change => ({ type: 'add-elements', set, elements: members }));
  return [
    // An "add" of what is there does nothing, a "delete" of what is not there fails: together they always work.
    `add table ${FAMILY} ${table}`,
    `delete table ${FAMILY} ${table}`,
    `add table ${FAMILY} ${table}`,
    ...bases.map((base) => renderBase(table, base)),
    ...[...own, ...rules, ...fixed, ...changes].flatMap((change) => renderChange(table, change)),
    '',
  ].join('\n');
}

export function renderChanges(table: string, changes: readonly Change[]): string {
  return `${changes.flatMap((change) => renderChange(table, change)).join('\n')}\n`;
}

export function renderRemoval(table: string): string {
  return `add table ${FAMILY} ${table}\ndelete table ${FAMILY} ${table}\n`;
}

function renderBase(table: string, { name, type, hook, priority }: BaseChain): string {
  return `add chain ${FAMILY} ${table} ${name} { type ${type} hook ${hook} priority ${priority}; policy accept; }`;
}

function renderChange(table: string, change: Change): string[] {
  const at = `${FAMILY} ${table}`;
  switch (change.type) {
    case 'add-set':
      return [renderSet(at, change.set)];
    case 'add-chain':
      return [`add chain ${at} ${change.chain}`];
    case 'fill-chain':
      return [
        ...(change.isNew ? [] : [`flush chain ${at} ${change.chain}`]),
        ...change.rules.map((rule) => `add rule ${at} ${change.chain} ${rule}`),
      ];
    case 'delete-elements':
      return inPortions(change.elements).map(
        (part) => `delete element ${at} ${change.set} { ${part.map(({ key }) => key).join(', ')} }`,
      );
    case 'add-elements':
      return inPortions(change.elements).map(
        (part) => `add element ${at} ${change.set} { ${part.map(renderElement).join(', ')} }`,
      );
    case 'delete-chain':
      return [`delete chain ${at} ${change.chain}`];
    case 'delete-set':
      return [`delete set ${at} ${change.set}`];
    default:
      return unreachable(change);
  }
}

function renderSet(at: string, { name, key, isMap, isInterval, timeoutSeconds }: NamedSet): string {
  const traits = [
    isMap ? `type ${key} : verdict;` : `type ${key};`,
    isInterval ? 'flags interval;' : '',
    timeoutSeconds > 0 ? `size ${MAX_DYNAMIC_ELEMENTS}; flags dynamic,timeout; timeout ${timeoutSeconds}s;` : '',
  ];
  return `add ${isMap ? 'map' : 'set'} ${at} ${name} { ${traits.filter((trait) => trait !== '').join(' ')} }`;
}

function renderElement({ key, value }: Element): string {
  return value === '' ? key : `${key} : ${value}`;
}

function inPortions(elements: readonly Element[]): Element[][] {
  const portions: Element[][] = [];
  for (let start = 0; start < elements.length; start += MAX_ELEMENTS_A_COMMAND) {
    portions.push(elements.slice(start, start + MAX_ELEMENTS_A_COMMAND));
  }
  return portions;
}
