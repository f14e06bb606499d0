/** Which objects of a kind a list or watch is about: a namespace, labels, fields. Pure. */
import { type FieldRequirement, fieldSelectorMatches } from '../../../shared/machinery/field-selector.ts';
import { type Selector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { AnyKind, ApiObject } from './api-object.ts';
import type { Change, ChangeType } from './change.ts';

/** A field whose value the wanted objects share: lets the hub pass changes only to those who may want them. */
export interface Trigger {
  field: string;
  value: string;
}

export interface FilterRequest {
  /** `''`: all namespaces. */
  namespace: string;
  labels: Selector;
  fields: readonly FieldRequirement[];
}

export class ObjectFilter {
  readonly kind: AnyKind;
  readonly request: FilterRequest;
  /** Without selectors: every object of the namespace matches. */
  readonly selectsAll: boolean;

  constructor(kind: AnyKind, request: FilterRequest) {
    this.kind = kind;
    this.request = request;
    this.selectsAll = request.labels.requirements.length === 0 && request.fields.length === 0;
  }

  matches(object: ApiObject): boolean {
    const { namespace, labels, fields } = this.request;
    if (namespace !== '' && object.metadata.namespace !== namespace) return false;
    if (this.selectsAll) return true;
    return (
      selectorMatches(labels, object.metadata.labels) &&
      fieldSelectorMatches(fields, (field) => fieldValueOf(this.kind, object, field))
    );
  }

  /**
   * What the change is to somebody who sees only matching objects: an object that begins to match is ADDED, one that
   * stops is DELETED. Undefined when it concerns them not.
   */
  typeOf(change: Change): ChangeType | undefined {
    const matchesNow = change.object !== undefined && this.matches(change.object);
    const matchedBefore = this.#matchedBefore(change);
    if (matchesNow) return matchedBefore ? 'MODIFIED' : 'ADDED';
    return matchedBefore ? 'DELETED' : undefined;
  }

  /** The narrowest equality that the filter asks for. */
  get trigger(): Trigger | undefined {
    const equal = this.request.fields.filter(({ operator }) => operator === '=');
    const byName = equal.find(({ field }) => field === 'metadata.name');
    const chosen = byName ?? equal[0];
    if (chosen !== undefined) return { field: chosen.field, value: chosen.value };
    const { namespace } = this.request;
    return namespace === '' ? undefined : { field: 'metadata.namespace', value: namespace };
  }

  #matchedBefore(change: Change): boolean {
    if (!change.existed) return false;
    // The state before is read only where it decides something.
    if (this.selectsAll && change.object !== undefined) return this.matches(change.object);
    return change.previous !== undefined && this.matches(change.previous);
  }
}

/** The value of a selectable field; undefined for a field that the kind does not offer. */
export function fieldValueOf(kind: AnyKind, object: ApiObject, field: string): string | undefined {
  if (field === 'metadata.name') return object.metadata.name;
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  return kind.selectableFields[field]?.(object);
}

export function isSelectable(kind: AnyKind, field: string): boolean {
  return field === 'metadata.name' || field === 'metadata.namespace' || Object.hasOwn(kind.selectableFields, field);
}
