/**
 * Names of objects in the store: `/<group or "core">/<plural>/<namespace>/<name>`, without the namespace for cluster-scoped
 * kinds. Invariant: names and namespaces hold no slash, so that a key is read back in one way.
 */
import type { AnyKind } from './api-object.ts';

type KeyKind = Pick<AnyKind, 'group' | 'plural' | 'namespaced'>;

export interface ObjectName {
  /** `''` for cluster-scoped kinds. */
  namespace: string;
  name: string;
}

/** Every key of the kind, or of one of its namespaces, starts with it. */
export function prefixOf(kind: KeyKind, namespace = ''): string {
  const root = `/${kind.group === '' ? 'core' : kind.group}/${kind.plural}/`;
  return kind.namespaced && namespace !== '' ? `${root}${namespace}/` : root;
}

export function storeKeyOf(kind: KeyKind, { namespace, name }: ObjectName): string {
  return `${prefixOf(kind, namespace)}${name}`;
}
