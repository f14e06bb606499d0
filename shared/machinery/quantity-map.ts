/** Amounts by name of resource, as API objects hold them: `{cpu: '500m', memory: '64Mi'}`. Pure; nothing is lost in sums. */
import { addQuantities, formatQuantity, parseQuantity, type Quantity, subtractQuantities } from './quantity.ts';

export type QuantityMap = Readonly<Record<string, string>>;

type Operation = (left: Quantity, right: Quantity) => Quantity;

const ZERO: Quantity = { nanos: 0n, format: 'DecimalSI' };

/** What one map does not name counts as nothing. */
export function addQuantityMaps(left: QuantityMap, right: QuantityMap): QuantityMap {
  return combine(left, right, addQuantities);
}

export function subtractQuantityMaps(left: QuantityMap, right: QuantityMap): QuantityMap {
  return combine(left, right, subtractQuantities);
}

export function maxQuantityMaps(left: QuantityMap, right: QuantityMap): QuantityMap {
  return combine(left, right, (one, other) => (one.nanos < other.nanos ? other : one));
}

export function isLessQuantity(left: string, right: string): boolean {
  return parseQuantity(left).nanos < parseQuantity(right).nanos;
}

function combine(left: QuantityMap, right: QuantityMap, operation: Operation): QuantityMap {
  const names = Object.keys(right);
  if (names.length === 0) return left;
  const result = new Map(Object.entries(left));
  for (const name of names) {
    const present = result.get(name);
    const value = operation(present === undefined ? ZERO : parseQuantity(present), parseQuantity(right[name] ?? '0'));
    result.set(name, formatQuantity(value));
  }
  return Object.fromEntries(result);
}
