/** Checks of what says where a pod may run: tolerations, affinity, spread. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Subdomain, validateLabelValue, validateQualifiedName } from '../../machinery/names.ts';
import type { Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm } from '../affinity.ts';
import type { Toleration, TopologySpreadConstraint } from '../pod-spec-parts.ts';
import {
  checkRange,
  checkUnique,
  complaintsAbout,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from './field-error.ts';
import { checkLabelSelector, checkValueCount } from './labels.ts';
import { checkOptionalText, checkText } from './text.ts';

const MAX_WEIGHT = 100;

export function checkTolerations(field: string, tolerations: readonly Toleration[] = []): FieldError[] {
  return tolerations.flatMap((toleration, index) => checkToleration(`${field}[${index}]`, toleration));
}

function checkToleration(field: string, toleration: Toleration): FieldError[] {
  const { key, operator, value, effect, tolerationSeconds } = toleration;
  const errors = checkOptionalText(`${field}.key`, key, validateQualifiedName);
  if (!key && operator !== 'Exists') {
    const why = 'must be Exists when `key` is empty: it then tolerates every taint';
    errors.push(invalidValue(`${field}.operator`, operator ?? '', why));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const why = "must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalidValue(`${field}.effect`, effect ?? '', why));
  }
  if (operator === 'Exists' && value) {
    errors.push(invalidValue(`${field}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
  }
  if ((operator ?? 'Equal') === 'Equal') errors.push(...checkOptionalText(`${field}.value`, value, validateLabelValue));
  return errors;
}

export function checkAffinity(field: string, affinity: Affinity | undefined): FieldError[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  const demanded = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = `${field}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  const wishes = `${field}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`;
  return [
    ...(demanded?.nodeSelectorTerms?.length === 0
      ? [requiredValue(terms, 'must have at least one node selector term')]
      : []),
    ...(demanded?.nodeSelectorTerms ?? []).flatMap((term, index) => checkNodeTerm(`${terms}[${index}]`, term)),
    ...(nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(
      ({ weight, preference }, index) => [
        ...checkRange(`${wishes}[${index}].weight`, weight, 1, MAX_WEIGHT),
        ...checkNodeTerm(`${wishes}[${index}].preference`, preference),
      ],
    ),
    ...checkPodAffinity(`${field}.podAffinity`, podAffinity),
    ...checkPodAffinity(`${field}.podAntiAffinity`, podAntiAffinity),
  ];
}

export function checkNodeTerm(
  field: string,
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
): FieldError[] {
  return [
    ...matchExpressions.flatMap((test, index) => checkNodeTest(`${field}.matchExpressions[${index}]`, test)),
    ...matchFields.flatMap((test, index) => checkNodeField(`${field}.matchFields[${index}]`, test)),
  ];
}

function checkNodeTest(field: string, { key, operator, values = [] }: NodeSelectorRequirement): FieldError[] {
  const compares = operator === 'Gt' || operator === 'Lt';
  return [
    ...checkValueCount(field, operator, values.length),
    ...(compares && values.length !== 1
      ? [requiredValue(`${field}.values`, "must be one value when `operator` is 'Lt' or 'Gt'")]
      : []),
    ...complaintsAbout(`${field}.key`, key, validateQualifiedName(key)),
  ];
}

function checkNodeField(field: string, { key, operator, values = [] }: NodeSelectorRequirement): FieldError[] {
  if (key !== 'metadata.name') return [invalidValue(`${field}.key`, key, 'not a valid field selector key')];
  if (values.length !== 1) return [requiredValue(`${field}.values`, 'must have one element')];
  if (operator !== 'In' && operator !== 'NotIn') {
    return [invalidValue(`${field}.operator`, operator, 'not a valid selector operator')];
  }
  return complaintsAbout(`${field}.values[0]`, values[0] ?? '', validateDns1123Subdomain(values[0] ?? ''));
}

function checkPodAffinity(field: string, affinity: PodAffinity | undefined): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: demands = [] } = affinity ?? {};
  const { preferredDuringSchedulingIgnoredDuringExecution: wishes = [] } = affinity ?? {};
  return [
    ...demands.flatMap((term, index) =>
      checkPodTerm(`${field}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, term),
    ),
    ...wishes.flatMap(({ weight, podAffinityTerm }, index) => {
      const path = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      return [
        ...checkRange(`${path}.weight`, weight, 1, MAX_WEIGHT),
        ...checkPodTerm(`${path}.podAffinityTerm`, podAffinityTerm),
      ];
    }),
  ];
}

function checkPodTerm(field: string, term: PodAffinityTerm): FieldError[] {
  return [
    ...checkLabelSelector(`${field}.labelSelector`, term.labelSelector),
    ...checkLabelSelector(`${field}.namespaceSelector`, term.namespaceSelector),
    ...checkText(`${field}.topologyKey`, term.topologyKey, validateQualifiedName),
  ];
}

export function checkSpread(field: string, constraints: readonly TopologySpreadConstraint[] = []): FieldError[] {
  return [
    ...constraints.flatMap((constraint, index) => checkConstraint(`${field}[${index}]`, constraint)),
    ...checkUnique(
      constraints,
      ({ topologyKey, whenUnsatisfiable }) => `{${topologyKey}, ${whenUnsatisfiable}}`,
      (index) => `${field}[${index}].{topologyKey, whenUnsatisfiable}`,
    ),
  ];
}

function checkConstraint(field: string, constraint: TopologySpreadConstraint): FieldError[] {
  const { maxSkew, topologyKey, minDomains, whenUnsatisfiable, labelSelector } = constraint;
  const errors = [
    ...(maxSkew <= 0 ? [invalidValue(`${field}.maxSkew`, maxSkew, 'must be greater than zero')] : []),
    ...checkText(`${field}.topologyKey`, topologyKey, validateQualifiedName),
    ...checkLabelSelector(`${field}.labelSelector`, labelSelector),
  ];
  if (minDomains === undefined) return errors;
  if (minDomains <= 0) errors.push(invalidValue(`${field}.minDomains`, minDomains, 'must be greater than zero'));
  if (whenUnsatisfiable !== 'DoNotSchedule') {
    errors.push(forbiddenValue(`${field}.minDomains`, "needs `whenUnsatisfiable` to be 'DoNotSchedule'"));
  }
  return errors;
}
