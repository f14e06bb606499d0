/** Checks of roles and bindings: rules that can match something, subjects that can exist, a role that stays the same. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateDns1123Subdomain, validatePathSegment } from '../../machinery/names.ts';
import type { LabelSelector } from '../label-selector.ts';
import { type PolicyRule, RBAC_GROUP, type RoleRef, type Subject } from '../policy-rule.ts';
import { complaintsAbout, invalidValue, requiredValue, unsupportedValue } from './field-error.ts';
import { checkLabelSelector } from './labels.ts';
import { checkText } from './text.ts';

interface Scope {
  namespaced: boolean;
}

interface AnyBinding {
  roleRef: RoleRef;
  subjects?: readonly Subject[];
}

export function checkPolicyRules(rules: readonly PolicyRule[] = [], scope: Scope): FieldError[] {
  return rules.flatMap((rule, index) => checkRule(`rules[${index}]`, rule, scope));
}

function checkRule(field: string, rule: PolicyRule, { namespaced }: Scope): FieldError[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  const errors = verbs.length === 0 ? [requiredValue(`${field}.verbs`, 'verbs must contain at least one value')] : [];
  if (urls.length > 0) {
    const at = `${field}.nonResourceURLs`;
    if (namespaced) errors.push(invalidValue(at, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      errors.push(invalidValue(at, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(requiredValue(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(requiredValue(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

export function checkAggregation(rule: { clusterRoleSelectors?: readonly LabelSelector[] } | undefined): FieldError[] {
  if (rule === undefined) return [];
  const field = 'aggregationRule.clusterRoleSelectors';
  const selectors = rule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    return [requiredValue(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, index) => checkLabelSelector(`${field}[${index}]`, selector));
}

export function checkBinding(
  { roleRef, subjects = [] }: AnyBinding,
  { namespaced, old }: Scope & { old?: AnyBinding },
): FieldError[] {
  if (roleRef === undefined) return [];
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const isChanged = old !== undefined && !jsonEqual(roleRef, old.roleRef);
  return [
    ...(roleRef.apiGroup === RBAC_GROUP ? [] : [unsupportedValue('roleRef.apiGroup', roleRef.apiGroup, [RBAC_GROUP])]),
    ...(kinds.includes(roleRef.kind) ? [] : [unsupportedValue('roleRef.kind', roleRef.kind, kinds)]),
    ...checkText('roleRef.name', roleRef.name, validatePathSegment),
    ...subjects.flatMap((subject, index) => checkSubject(`subjects[${index}]`, subject, namespaced)),
    ...(isChanged ? [invalidValue('roleRef', roleRef, 'cannot change roleRef')] : []),
  ];
}

const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];

function checkSubject(
  field: string,
  { kind, name, namespace, apiGroup = '' }: Subject,
  namespaced: boolean,
): FieldError[] {
  if (!SUBJECT_KINDS.includes(kind)) return [unsupportedValue(`${field}.kind`, kind, SUBJECT_KINDS)];
  if (name === '') return [requiredValue(`${field}.name`)];
  const group = kind === 'ServiceAccount' ? '' : RBAC_GROUP;
  const errors = apiGroup === group ? [] : [unsupportedValue(`${field}.apiGroup`, apiGroup, [group])];
  if (kind === 'ServiceAccount') {
    errors.push(...complaintsAbout(`${field}.name`, name, validateDns1123Subdomain(name)));
    if (!namespaced && !namespace) errors.push(requiredValue(`${field}.namespace`));
  }
  return errors;
}
