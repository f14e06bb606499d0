/**
 * Which rules a user has, by the roles and bindings that are stored: read once, kept by subject, made anew when one of them
 * has changed. A question costs a few look-ups by name.
 * Invariant: what is answered is computed from one state of all four kinds.
 */
import type { ClusterRole } from '../../../../shared/api/cluster-role.ts';
import type { ClusterRoleBinding } from '../../../../shared/api/cluster-role-binding.ts';
import { type PolicyRule, RBAC_GROUP, type RoleRef, type Subject } from '../../../../shared/api/policy-rule.ts';
import type { Role } from '../../../../shared/api/role.ts';
import type { RoleBinding } from '../../../../shared/api/role-binding.ts';
import type { ObjectIndex } from '../../storage/object-index.ts';
import type { UserInfo } from '../../user-info.ts';

export interface RbacIndexes {
  roles: ObjectIndex<Role>;
  clusterRoles: ObjectIndex<ClusterRole>;
  roleBindings: ObjectIndex<RoleBinding>;
  clusterRoleBindings: ObjectIndex<ClusterRoleBinding>;
}

/** What one binding gives to one of its subjects. */
export interface Grant {
  rules: readonly PolicyRule[];
  /** The role that the binding names and that is not there. */
  missing?: string;
}

type BySubject = Map<string, Grant[]>;

interface Compiled {
  cluster: BySubject;
  namespaces: Map<string, BySubject>;
}

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

export class RuleResolver {
  readonly #indexes: RbacIndexes;
  #compiled: Compiled | undefined;
  #generation = -1;

  constructor(indexes: RbacIndexes) {
    this.#indexes = indexes;
  }

  /** Grants everywhere and, where a namespace is given, those in it. */
  async grantsOf(user: UserInfo, namespace: string): Promise<Grant[]> {
    const { cluster, namespaces } = await this.#whenCompiled();
    const local = namespace === '' ? undefined : namespaces.get(namespace);
    const keys = [userKey(user.name), ...user.groups.map(groupKey)];
    return keys.flatMap((key) => [...(cluster.get(key) ?? []), ...(local?.get(key) ?? [])]);
  }

  async rulesOf(user: UserInfo, namespace: string): Promise<PolicyRule[]> {
    return (await this.grantsOf(user, namespace)).flatMap(({ rules }) => rules);
  }

  /** Rules of the role that a binding names; undefined: there is none. */
  async rulesOfRole(reference: RoleRef, namespace: string): Promise<readonly PolicyRule[] | undefined> {
    await this.#whenCompiled();
    return this.#roleRules(reference, namespace);
  }

  async #whenCompiled(): Promise<Compiled> {
    const { roles, clusterRoles, roleBindings, clusterRoleBindings } = this.#indexes;
    const all = [roles, clusterRoles, roleBindings, clusterRoleBindings];
    while (!all.every((index) => index.isFilled)) await Promise.all(all.map((index) => index.whenReady()));
    const generation = all.reduce((sum, index) => sum + index.generation, 0);
    if (this.#compiled === undefined || generation !== this.#generation) this.#compiled = this.#compile();
    this.#generation = generation;
    return this.#compiled;
  }

  #compile(): Compiled {
    const compiled: Compiled = { cluster: new Map(), namespaces: new Map() };
    for (const binding of this.#indexes.clusterRoleBindings.everything()) this.#add(compiled.cluster, binding, '');
    for (const binding of this.#indexes.roleBindings.everything()) {
      const { namespace = '' } = binding.metadata;
      const local: BySubject = compiled.namespaces.get(namespace) ?? new Map();
      compiled.namespaces.set(namespace, local);
      this.#add(local, binding, namespace);
    }
    return compiled;
  }

  #add(bySubject: BySubject, { roleRef, subjects = [] }: Binding, namespace: string): void {
    const rules = this.#roleRules(roleRef, namespace);
    const grant: Grant = rules === undefined ? { rules: [], missing: missingText(roleRef) } : { rules };
    for (const subject of subjects) {
      const key = subjectKey(subject, namespace);
      if (key === undefined) continue;
      const present = bySubject.get(key);
      if (present === undefined) bySubject.set(key, [grant]);
      else present.push(grant);
    }
  }

  #roleRules({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const { roles, clusterRoles } = this.#indexes;
    const role = kind === 'Role' ? roles.getNow(namespace, name) : clusterRoles.getNow('', name);
    return role && (role.rules ?? []);
  }
}

type Binding = Pick<RoleBinding, 'roleRef' | 'subjects'>;

function missingText({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(name)} not found`;
}

function userKey(name: string): string {
  return `user ${name}`;
}

function groupKey(name: string): string {
  return `group ${name}`;
}

function subjectKey({ kind, name, namespace }: Subject, ofBinding: string): string | undefined {
  if (kind === 'User') return userKey(name);
  if (kind === 'Group') return groupKey(name);
  return kind === 'ServiceAccount' ? userKey(`${SERVICE_ACCOUNT_PREFIX}${namespace || ofBinding}:${name}`) : undefined;
}
