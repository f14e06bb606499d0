/**
 * Nobody hands out rights that they do not have: who writes a role must have all it allows, who binds one too, unless they
 * may `escalate` roles or `bind` that role. Source: Kubernetes, "Using RBAC Authorization", privilege escalation prevention
 * and bootstrapping.
 */
import type { ClusterRole } from '../../../shared/api/cluster-role.ts';
import { type PolicyRule, RBAC_GROUP } from '../../../shared/api/policy-rule.ts';
import type { RoleBinding } from '../../../shared/api/role-binding.ts';
import { forbidden, notFound } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { AuthorizedResource, Authorizer } from '../authorization/authorizer.ts';
import { missingRules, renderRules } from '../authorization/rbac/rule-cover.ts';
import type { RuleResolver } from '../authorization/rbac/rule-resolver.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import { GROUP, isInGroup } from '../user-info.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

export interface EscalationOptions {
  resolver: RuleResolver;
  authorize: Authorizer;
}

const ROLES: readonly string[] = ['Role', 'ClusterRole'];

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function createEscalationCheck(options: EscalationOptions): AdmissionStep {
  return async (review) => {
    const { call, object } = review;
    if (object === undefined || call.kind.group !== RBAC_GROUP || isInGroup(call.user, GROUP.masters)) return;
    if (ROLES.includes(call.kind.kind)) await checkRole(options, review, object);
    else await checkBinding(options, review, object);
  };
}

async function checkRole(options: EscalationOptions, review: AdmissionReview, object: ApiObject): Promise<void> {
  const { call, old } = review;
  // A Role is a ClusterRole without aggregation, as far as rights are concerned.
  const { rules = [], aggregationRule } = rulesOf(object);
  const before = old && rulesOf(old);
  const isSame = before && jsonEqual(before.rules ?? [], rules) && jsonEqual(before.aggregationRule, aggregationRule);
  if (isSame) return;
  const { plural } = call.kind;
  if (await may(options, review, { verb: 'escalate', resource: plural, name: object.metadata.name ?? '' })) return;
  // Whatever is labelled later becomes part of it.
  const wanted = aggregationRule === undefined && before?.aggregationRule === undefined ? rules : EVERYTHING;
  await checkRights(options, review, wanted);
}

function rulesOf(object: ApiObject): Pick<ClusterRole, 'rules' | 'aggregationRule'> {
  return asKind<ClusterRole>({ kind: object.kind }, object);
}

async function checkBinding(options: EscalationOptions, review: AdmissionReview, object: ApiObject): Promise<void> {
  const { call, old } = review;
  const binding = asKind<RoleBinding>({ kind: object.kind }, object);
  const before = old && asKind<RoleBinding>({ kind: old.kind }, old);
  if (before && jsonEqual(before.subjects, binding.subjects) && jsonEqual(before.roleRef, binding.roleRef)) return;
  const { kind, name } = binding.roleRef;
  const resource = kind === 'Role' ? 'roles' : 'clusterroles';
  if (await may(options, review, { verb: 'bind', resource, name })) return;
  const rules = await options.resolver.rulesOfRole(binding.roleRef, call.namespace);
  if (rules === undefined) throw notFound({ group: RBAC_GROUP, plural: resource }, name);
  await checkRights(options, review, rules);
}

type Asked = Pick<AuthorizedResource, 'verb' | 'resource' | 'name'>;

async function may({ authorize }: EscalationOptions, { call }: AdmissionReview, asked: Asked): Promise<boolean> {
  const { user, namespace } = call;
  const rest = { path: '', group: RBAC_GROUP, version: 'v1', subresource: '', namespace };
  const decision = await authorize({ user, request: { isResource: true, ...rest, ...asked }, fieldSelector: [] });
  return decision === 'allow';
}

/** Throws Forbidden with what the user lacks. */
async function checkRights(
  { resolver }: EscalationOptions,
  { call, object }: AdmissionReview,
  wanted: readonly PolicyRule[],
): Promise<void> {
  const { user, namespace, kind } = call;
  const missing = missingRules(await resolver.rulesOf(user, namespace), wanted);
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
  const who = `user ${JSON.stringify(user.name)} (groups=[${groups}])`;
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${renderRules(missing)}`;
  throw forbidden(kind, object?.metadata.name ?? '', why);
}
