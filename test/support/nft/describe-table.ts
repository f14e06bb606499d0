/** A table without what depends on the order in which it was made, to compare two of them. */
import type { Table } from './kernel.ts';

export function describeTable({ chains, sets }: Table) {
  return {
    chains: [...chains].map(([name, { rules }]) => [name, rules.map(({ text }) => text)]).sort(),
    sets: [...sets].map(([name, { elements }]) => [name, [...elements].sort()]).sort(),
  };
}
