/** Checks of what Jobs and the templates of CronJobs want. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import type { JobSpec } from '../job-spec.ts';
import { checkNotNegative, forbiddenValue, invalidValue, requiredValue, unsupportedValue } from './field-error.ts';
import { checkFailurePolicy, checkSuccessPolicy } from './job-policies.ts';
import { checkPodTemplate } from './pod-spec.ts';
import { checkOptionalText } from './text.ts';

/** Status and names of indexed jobs grow with their indexes. */
export const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_MANAGED_BY_CHARS = 63;

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

/** `field` is the path of the spec. */
export function checkJobSpec(field: string, spec: JobSpec): FieldError[] {
  return [
    ...COUNTS.flatMap((name) => checkNotNegative(`${field}.${name}`, spec[name])),
    ...(spec.completionMode === 'Indexed' ? checkIndexed(field, spec) : checkNonIndexed(field, spec)),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [requiredValue(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...checkManager(`${field}.managedBy`, spec.managedBy),
    // What is missing has been reported by the schema.
    ...(spec.template ? checkPods(field, spec) : []),
    ...checkSuccessPolicy(field, spec),
  ];
}

function checkPods(field: string, spec: JobSpec): FieldError[] {
  return [
    ...checkPodTemplate(`${field}.template`, spec.template),
    ...checkRestartPolicy(`${field}.template.spec.restartPolicy`, spec.template.spec.restartPolicy),
    ...checkFailurePolicy(field, spec),
  ];
}

function checkIndexed(field: string, spec: JobSpec): FieldError[] {
  const { completions, parallelism = 1, maxFailedIndexes } = spec;
  return [
    ...(completions === undefined
      ? [requiredValue(`${field}.completions`, 'when completion mode is Indexed')]
      : atMost(`${field}.completions`, completions, MAX_INDEXED_PARALLELISM)),
    ...atMost(`${field}.parallelism`, parallelism, MAX_INDEXED_PARALLELISM),
    ...(maxFailedIndexes !== undefined && completions !== undefined && maxFailedIndexes > completions
      ? [invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions')]
      : []),
  ];
}

function atMost(field: string, value: number, max: number): FieldError[] {
  if (value <= max) return [];
  return [invalidValue(field, value, `must be less than or equal to ${max} when completion mode is Indexed`)];
}

function checkNonIndexed(field: string, spec: JobSpec): FieldError[] {
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    .filter((name) => spec[name] !== undefined)
    .map((name) => invalidValue(`${field}.${name}`, spec[name], 'requires indexed completion mode'));
}

/** The name of a controller, with a domain of its own. */
function checkManager(field: string, managedBy: string | undefined): FieldError[] {
  if (managedBy === undefined) return [];
  const errors = checkOptionalText(field, managedBy, validateQualifiedName);
  if (!managedBy.includes('/')) {
    errors.push(invalidValue(field, managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  }
  if (managedBy.length > MAX_MANAGED_BY_CHARS) {
    errors.push({ type: 'tooLong', field, message: `Too long: may not be more than ${MAX_MANAGED_BY_CHARS} bytes` });
  }
  return errors;
}

/** Pods that always restart never end. `Always` is what nobody has written. */
function checkRestartPolicy(field: string, restartPolicy: string | undefined): FieldError[] {
  if (restartPolicy === 'Always') return [requiredValue(field, 'valid values: "OnFailure", "Never"')];
  if (restartPolicy === undefined || restartPolicy === 'OnFailure' || restartPolicy === 'Never') return [];
  return [unsupportedValue(field, restartPolicy, ['OnFailure', 'Never'])];
}

/** A template's jobs get selectors of their own. */
export function checkJobTemplate(field: string, spec: JobSpec): FieldError[] {
  return [
    ...checkJobSpec(field, spec),
    ...(spec.selector === undefined
      ? []
      : [invalidValue(`${field}.selector`, spec.selector, '`selector` will be auto-generated')]),
    ...(spec.manualSelector ? [forbiddenValue(`${field}.manualSelector`, 'a template has no selector')] : []),
  ];
}
