/** What a search, a namespace and "only trouble" leave of a list. Pure. */
import type { Level } from '../views/view-types.ts';
import type { Route } from './route.ts';

export interface Searchable {
  /** Empty: of the whole cluster, shown whatever the namespace. */
  namespace: string;
  level: Level;
  text: string;
}

export function matches(
  item: Searchable,
  { namespace, search, trouble }: Pick<Route, 'namespace' | 'search' | 'trouble'>,
): boolean {
  if (namespace !== '' && item.namespace !== '' && item.namespace !== namespace) return false;
  if (trouble && item.level !== 'warning' && item.level !== 'problem') return false;
  if (search === '') return true;
  const text = item.text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function namespacesOf(items: Iterable<{ namespace: string }>): string[] {
  const names = new Set<string>();
  for (const { namespace } of items) if (namespace !== '') names.add(namespace);
  return [...names].sort();
}

/** By the keys, which begin with the namespace. */
export function sorted<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
