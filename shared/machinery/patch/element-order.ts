/**
 * The order of a merged list in a strategic merge patch: items that the patch names keep the patch's order among each
 * other, the others keep theirs, and the two are interleaved by the order of the list before the patch. An item that is
 * new comes before those that the patch does not name.
 * Source: Kubernetes, design proposal "preserve order in strategic merge patch".
 */

/** Identity of an item: the value of its merge key, or a primitive itself. */
export type IdentityOf = (item: unknown) => unknown;

export interface OrderOptions {
  identityOf: IdentityOf;
  /** Identities in the order that the patch wants. */
  patchOrder: readonly unknown[];
  /** Identities in the order before the patch. */
  originalOrder: readonly unknown[];
}

/** `merged` in its final order. */
export function orderElements(merged: readonly unknown[], options: OrderOptions): unknown[] {
  const { identityOf } = options;
  const patchRank = ranks(options.patchOrder);
  const originalRank = ranks(options.originalOrder);
  const isNamed = (item: unknown): boolean => patchRank.has(identityOf(item));
  const named = sortByRank(merged.filter(isNamed), patchRank, identityOf);
  const others = sortByRank(
    merged.filter((item) => !isNamed(item)),
    originalRank,
    identityOf,
  );
  return interleave(others, named, (other, item) => {
    const left = originalRank.get(identityOf(other));
    const right = originalRank.get(identityOf(item));
    return left !== undefined && right !== undefined && left < right;
  });
}

function interleave(
  others: readonly unknown[],
  named: readonly unknown[],
  precedes: (other: unknown, item: unknown) => boolean,
): unknown[] {
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    while (next < others.length && precedes(others[next], item)) result.push(others[next++]);
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

function ranks(order: readonly unknown[]): Map<unknown, number> {
  const rank = new Map<unknown, number>();
  for (const [index, identity] of order.entries()) if (!rank.has(identity)) rank.set(identity, index);
  return rank;
}

function sortByRank(items: readonly unknown[], rank: ReadonlyMap<unknown, number>, identityOf: IdentityOf): unknown[] {
  const rankOf = (item: unknown): number => rank.get(identityOf(item)) ?? rank.size;
  return items.toSorted((left, right) => rankOf(left) - rankOf(right));
}
