/** Checks of a Job's policies: what failed pods mean, and when the job has succeeded before its end. */
import type { FieldError } from '../../machinery/errors.ts';
import { countIndexes, type IndexRanges, IndexRangesError, parseIndexRanges } from '../../machinery/index-ranges.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../job-spec.ts';
import { checkUnique, invalidValue, requiredValue } from './field-error.ts';
import { checkText } from './text.ts';

const MAX_RULES = 20;
const MAX_PATTERNS = 20;
const MAX_EXIT_CODES = 255;

/** Longest list of indexes in a rule. */
const MAX_INDEXES_BYTES = 65_536;

export function checkFailurePolicy(field: string, spec: JobSpec): FieldError[] {
  const { podFailurePolicy, template, podReplacementPolicy } = spec;
  if (podFailurePolicy === undefined) return [];
  const path = `${field}.podFailurePolicy.rules`;
  const { rules = [] } = podFailurePolicy;
  const restartPolicy = template.spec.restartPolicy;
  return [
    ...(restartPolicy === 'Never'
      ? []
      : [invalidValue(`${field}.template.spec.restartPolicy`, restartPolicy, ONLY_NEVER)]),
    ...(podReplacementPolicy === undefined || podReplacementPolicy === 'Failed'
      ? []
      : [
          invalidValue(`${field}.podReplacementPolicy`, podReplacementPolicy, 'must be Failed with a podFailurePolicy'),
        ]),
    ...tooMany(path, rules, MAX_RULES),
    ...rules.flatMap((rule, index) => checkFailureRule(`${path}[${index}]`, rule, spec)),
  ];
}

const ONLY_NEVER = 'only "Never" is supported when podFailurePolicy is specified';

function checkFailureRule(field: string, rule: PodFailurePolicyRule, spec: JobSpec): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const hasPatterns = onPodConditions.length > 0;
  const errors = [
    ...(action === 'FailIndex' && spec.backoffLimitPerIndex === undefined
      ? [invalidValue(`${field}.action`, action, 'requires `backoffLimitPerIndex`')]
      : []),
    ...(onExitCodes === undefined ? [] : checkExitCodes(`${field}.onExitCodes`, onExitCodes, spec)),
    ...tooMany(`${field}.onPodConditions`, onPodConditions, MAX_PATTERNS),
    ...onPodConditions.flatMap(({ type }, index) =>
      checkText(`${field}.onPodConditions[${index}].type`, type, validateQualifiedName),
    ),
  ];
  if (onExitCodes !== undefined && hasPatterns) {
    errors.push(invalidValue(field, rule, 'onExitCodes and onPodConditions exclude each other'));
  }
  if (onExitCodes === undefined && !hasPatterns) {
    errors.push(invalidValue(field, rule, 'one of onExitCodes and onPodConditions is required'));
  }
  return errors;
}

function checkExitCodes(field: string, test: PodFailurePolicyOnExitCodesRequirement, spec: JobSpec): FieldError[] {
  const { containerName, operator, values = [] } = test;
  const { containers, initContainers = [] } = spec.template.spec;
  const names = [...(containers ?? []), ...initContainers].map(({ name }) => name);
  const isAscending = values.every((value, index) => index === 0 || (values[index - 1] ?? 0) <= value);
  return [
    ...(containerName === undefined || names.includes(containerName)
      ? []
      : [invalidValue(`${field}.containerName`, containerName, 'must be the name of a container of the template')]),
    ...(values.length === 0 ? [invalidValue(`${field}.values`, values, 'at least one value is required')] : []),
    ...tooMany(`${field}.values`, values, MAX_EXIT_CODES),
    ...(isAscending ? [] : [invalidValue(`${field}.values`, values, 'must be ordered')]),
    ...(operator === 'In' && values.includes(0)
      ? [invalidValue(`${field}.values[${values.indexOf(0)}]`, 0, 'must not be 0 for the In operator')]
      : []),
    ...checkUnique(values, String, (index) => `${field}.values[${index}]`),
  ];
}

export function checkSuccessPolicy(field: string, spec: JobSpec): FieldError[] {
  const { successPolicy, completions = 0 } = spec;
  if (successPolicy === undefined) return [];
  const path = `${field}.successPolicy.rules`;
  const { rules = [] } = successPolicy;
  if (spec.completionMode !== 'Indexed') {
    return [invalidValue(`${field}.successPolicy`, successPolicy, 'requires indexed completion mode')];
  }
  return [
    ...(rules.length === 0 ? [requiredValue(path, 'at least one rule is required')] : []),
    ...tooMany(path, rules, MAX_RULES),
    ...rules.flatMap((rule, index) => checkSuccessRule(`${path}[${index}]`, rule, completions)),
  ];
}

function checkSuccessRule(field: string, rule: SuccessPolicyRule, completions: number): FieldError[] {
  const { succeededIndexes, succeededCount } = rule;
  if (succeededIndexes === undefined && succeededCount === undefined) {
    return [requiredValue(field, 'at least one of succeededIndexes and succeededCount is required')];
  }
  const parsed = succeededIndexes === undefined ? undefined : parseOrComplain(succeededIndexes, completions);
  if (typeof parsed === 'string') return [invalidValue(`${field}.succeededIndexes`, succeededIndexes, parsed)];
  if (succeededCount === undefined) return [];
  const most = parsed === undefined ? completions : countIndexes(parsed);
  if (succeededCount >= 1 && succeededCount <= most) return [];
  return [invalidValue(`${field}.succeededCount`, succeededCount, `must be from 1 to ${most}, the number of indexes`)];
}

function parseOrComplain(text: string, completions: number): IndexRanges | string {
  if (text.length > MAX_INDEXES_BYTES) return `must be no more than ${MAX_INDEXES_BYTES} bytes`;
  try {
    const ranges = parseIndexRanges(text);
    const last = ranges.at(-1)?.[1] ?? 0;
    return last < completions ? ranges : `must be below \`completions\` (${completions})`;
  } catch (error) {
    if (error instanceof IndexRangesError) return error.message;
    throw error;
  }
}

function tooMany(field: string, items: readonly unknown[], max: number): FieldError[] {
  return items.length <= max
    ? []
    : [{ type: 'tooMany', field, message: `Too many: ${items.length}: must have at most ${max} items` }];
}
