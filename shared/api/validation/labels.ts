/** Checks of labels and of selectors that choose by them. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateLabelValue, validateQualifiedName } from '../../machinery/names.ts';
import type { LabelSelector } from '../label-selector.ts';
import { complaintsAbout, forbiddenValue, requiredValue } from './field-error.ts';

export function checkLabels(field: string, labels: Readonly<Record<string, string>> | undefined): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...complaintsAbout(field, key, validateQualifiedName(key)),
    ...complaintsAbout(`${field}[${key}]`, value, validateLabelValue(value)),
  ]);
}

/** Annotation keys are compared without regard to case; their values are free. */
export function checkAnnotations(
  field: string,
  annotations: Readonly<Record<string, string>> | undefined,
): FieldError[] {
  return Object.keys(annotations ?? {}).flatMap((key) =>
    complaintsAbout(field, key, validateQualifiedName(key.toLowerCase())),
  );
}

export function checkLabelSelector(field: string, selector: LabelSelector | undefined): FieldError[] {
  const expressions = selector?.matchExpressions ?? [];
  return [
    ...checkLabels(`${field}.matchLabels`, selector?.matchLabels),
    ...expressions.flatMap((expression, index) => checkExpression(`${field}.matchExpressions[${index}]`, expression)),
  ];
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
}

interface Expression {
  key: string;
  operator: string;
  values?: readonly string[];
}

function checkExpression(field: string, { key, operator, values = [] }: Expression): FieldError[] {
  return [
    ...checkValueCount(field, operator, values.length),
    ...complaintsAbout(`${field}.key`, key ?? '', validateQualifiedName(key ?? '')),
    ...values.flatMap((value, index) => complaintsAbout(`${field}.values[${index}]`, value, validateLabelValue(value))),
  ];
}

/** In and NotIn compare with values, Exists and DoesNotExist with none. */
export function checkValueCount(field: string, operator: string, count: number): FieldError[] {
  const compares = operator === 'In' || operator === 'NotIn';
  if (compares && count === 0) {
    return [requiredValue(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  const tests = operator === 'Exists' || operator === 'DoesNotExist';
  if (!tests || count === 0) return [];
  return [forbiddenValue(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
}
