/**
 * Puts the default roles and bindings into the store before the first request is answered, and at later starts back into them
 * what has been lost; what people have added stays. Source: Kubernetes, "Using RBAC Authorization", auto-reconciliation.
 */
import type { ClusterRole } from '../../../../../shared/api/cluster-role.ts';
import type { ClusterRoleBinding } from '../../../../../shared/api/cluster-role-binding.ts';
import { type PolicyRule, RBAC_GROUP, type Subject } from '../../../../../shared/api/policy-rule.ts';
import { aggregateRules } from '../../../../../shared/api/rbac/aggregate-rules.ts';
import { cloneJson, type JsonObject, jsonEqual } from '../../../../../shared/machinery/json.ts';
import type { RegistryDeps } from '../../../registry/registry-deps.ts';
import { ensureObject, type OwnObject } from '../../../startup/ensure-object.ts';
import { type AnyKind, type ApiObject, asKind } from '../../../storage/api-object.ts';
import { missingRules } from '../rule-cover.ts';
import { AUTO_UPDATE, DEFAULT_META, type DefaultRole } from './rule.ts';
import { DEFAULT_BINDINGS, type DefaultBinding, SYSTEM_ROLES } from './system-roles.ts';
import { USER_ROLES } from './user-roles.ts';

export interface RbacKinds {
  clusterRole: AnyKind;
  clusterRoleBinding: AnyKind;
}

export async function ensureRbacDefaults(deps: RegistryDeps, kinds: RbacKinds): Promise<void> {
  await Promise.all(defaultClusterRoles().map((role) => ensureRole(deps, kinds.clusterRole, role)));
  await Promise.all(DEFAULT_BINDINGS.map((binding) => ensureBinding(deps, kinds.clusterRoleBinding, binding)));
}

/** Those that are put together have their rules from the beginning, so that nobody waits for a controller. */
export function defaultClusterRoles(): DefaultRole[] {
  const roles: DefaultRole[] = [...SYSTEM_ROLES, ...USER_ROLES];
  // Parts come before what is made of them: view, edit, admin.
  for (const [index, role] of roles.entries()) {
    const rules = aggregateRules(asPart(role), roles.map(asPart));
    if (rules !== undefined) roles[index] = { ...role, rules };
  }
  return roles;
}

function asPart({ metadata, ...role }: DefaultRole): Pick<ClusterRole, 'metadata' | 'rules' | 'aggregationRule'> {
  return { ...role, metadata: { ...metadata, uid: '', resourceVersion: '', creationTimestamp: '' } };
}

function ensureRole(deps: RegistryDeps, kind: AnyKind, wanted: DefaultRole): Promise<void> {
  const value: OwnObject = { ...cloneJson(wanted), metadata: wanted.metadata };
  return ensureObject(deps, kind, {
    value,
    wantedOf: (current) => {
      const { rules = [], aggregationRule } = asKind<ClusterRole>(kind, current);
      const lost = aggregationRule ? [] : lostRules(rules, wanted.rules ?? []);
      return lost.length === 0 || !isOurs(current)
        ? copyOf(current)
        : { ...copyOf(current), rules: [...rules, ...lost] };
    },
  });
}

/** Whole rules, of which something is not allowed any more. */
function lostRules(present: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.filter((rule) => missingRules(present, [rule]).length > 0);
}

function ensureBinding(deps: RegistryDeps, kind: AnyKind, { role, subjects: wanted }: DefaultBinding): Promise<void> {
  const value = {
    metadata: { name: role, ...DEFAULT_META },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: role },
    subjects: wanted.map((subject) => ({ ...subject })),
  };
  return ensureObject(deps, kind, {
    value,
    wantedOf: (current) => {
      const { subjects = [] } = asKind<ClusterRoleBinding>(kind, current);
      const lost = wanted.filter((subject) => !subjects.some((present) => jsonEqual(present, subject)));
      const all: Subject[] = [...subjects, ...lost];
      return lost.length === 0 || !isOurs(current) ? copyOf(current) : { ...copyOf(current), subjects: all };
    },
  });
}

function isOurs({ metadata }: ApiObject): boolean {
  return metadata.annotations?.[AUTO_UPDATE] === 'true';
}

function copyOf(object: ApiObject): JsonObject {
  return cloneJson({ ...object });
}
