/** Checks of a Node: taints that can be told apart, and an identity that stays once it is set. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateLabelValue, validateQualifiedName } from '../../machinery/names.ts';
import type { NodeSpec, Taint } from '../node-spec.ts';
import { checkUnique, forbiddenValue } from './field-error.ts';
import { checkOptionalText, checkText } from './text.ts';

export function checkNode(spec: NodeSpec, old?: NodeSpec): FieldError[] {
  return [...checkTaints('spec.taints', spec.taints), ...(old ? checkIdentity(spec, old) : [])];
}

function checkTaints(field: string, taints: readonly Taint[] = []): FieldError[] {
  return [
    ...taints.flatMap(({ key, value }, index) => [
      ...checkText(`${field}[${index}].key`, key, validateQualifiedName),
      ...checkOptionalText(`${field}[${index}].value`, value, validateLabelValue),
    ]),
    ...checkUnique(
      taints,
      ({ key, effect }) => `${key}:${effect}`,
      (index) => `${field}[${index}]`,
    ),
  ];
}

function checkIdentity(spec: NodeSpec, old: NodeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (old.podCIDRs?.length && !jsonEqual(spec.podCIDRs, old.podCIDRs)) {
    errors.push(forbiddenValue('spec.podCIDRs', 'cannot change once set'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    errors.push(forbiddenValue('spec.providerID', 'cannot change once set'));
  }
  return errors;
}
