/** Namespaces: their finalizers are changed by /finalize only, their phase follows from the deletion. */
import type { Namespace } from '../../../shared/api/namespace.ts';
import type { Strategy } from '../registry/strategy.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';

const NAMESPACE = { kind: 'Namespace' };

export const namespaceStrategy: Strategy = {
  hasGeneration: false,
  prepareUpdate(object, old) {
    object['spec'] = old['spec'];
  },
  prepareStatus(object, sent, _old, call) {
    if (call.subresource === 'finalize') object['spec'] = sent['spec'];
    else object['status'] = sent['status'];
  },
};

/** Nothing keeps the namespace any more, once it is deleted. */
export function hasNamespaceFinalizers(object: ApiObject): boolean {
  return (asKind<Namespace>(NAMESPACE, object).spec.finalizers ?? []).length > 0;
}
