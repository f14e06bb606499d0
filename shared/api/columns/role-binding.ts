/** Columns of RoleBindings and ClusterRoleBindings: the role, and who has it. */
import { ageColumn, type Column, nameColumn } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { RoleRef, Subject } from '../policy-rule.ts';

interface AnyBinding extends KubernetesObject {
  roleRef: RoleRef;
  subjects?: Subject[];
}

function subjectsText({ subjects = [] }: AnyBinding, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

export const bindingColumns: readonly Column<AnyBinding>[] = [
  nameColumn(),
  {
    name: 'Role',
    type: 'string',
    description: 'the role that is granted',
    value: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`,
  },
  ageColumn(),
  {
    name: 'Users',
    type: 'string',
    priority: 1,
    description: 'users that have the role',
    value: (binding) => subjectsText(binding, 'User'),
  },
  {
    name: 'Groups',
    type: 'string',
    priority: 1,
    description: 'groups that have the role',
    value: (binding) => subjectsText(binding, 'Group'),
  },
  {
    name: 'ServiceAccounts',
    type: 'string',
    priority: 1,
    description: 'service accounts that have the role',
    value: (binding) => subjectsText(binding, 'ServiceAccount'),
  },
];
