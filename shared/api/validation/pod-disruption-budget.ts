/** Checks of a PodDisruptionBudget: one way of counting, and a selector that makes sense. */
import type { FieldError } from '../../machinery/errors.ts';
import { type IntOrString, parsePercent } from '../../machinery/int-or-string.ts';
import type { LabelSelector } from '../label-selector.ts';
import { checkNotNegative, invalidValue } from './field-error.ts';
import { checkLabelSelector } from './labels.ts';

interface Budget {
  minAvailable?: IntOrString;
  maxUnavailable?: IntOrString;
  selector?: LabelSelector;
}

export function checkDisruptionBudget({ minAvailable, maxUnavailable, selector }: Budget): FieldError[] {
  const hasBoth = minAvailable !== undefined && maxUnavailable !== undefined;
  return [
    ...(hasBoth
      ? [invalidValue('spec', { minAvailable, maxUnavailable }, 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...checkCountOrPercent('spec.minAvailable', minAvailable),
    ...checkCountOrPercent('spec.maxUnavailable', maxUnavailable),
    ...checkLabelSelector('spec.selector', selector),
  ];
}

/** A share of pods: a number that is not negative, or a percentage up to 100. */
function checkCountOrPercent(field: string, value: IntOrString | undefined): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return checkNotNegative(field, value);
  const percent = parsePercent(value);
  if (percent === undefined) {
    return [invalidValue(field, value, "must be an integer or a percentage (e.g '5%')")];
  }
  return percent > 100 ? [invalidValue(field, value, 'must not be greater than 100%')] : [];
}
