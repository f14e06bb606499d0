/** Who asks: made by the door that authenticated the caller (gateway), believed by everything behind it. */
export interface UserInfo {
  name: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

/** Groups with a meaning of their own. Source: Kubernetes, "Using RBAC Authorization" and "Using Node Authorization". */
export const GROUP = {
  masters: 'system:masters',
  nodes: 'system:nodes',
  bootstrappers: 'system:bootstrappers',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
} as const;

export const NODE_USER_PREFIX = 'system:node:';

/** The user of a request without credentials. */
export const anonymousUser: UserInfo = {
  name: 'system:anonymous',
  uid: '',
  groups: [GROUP.unauthenticated],
  extra: {},
};

/** A component in the master's own process, such as `system:kube-scheduler`. */
export function componentUser(name: string): UserInfo {
  return { name, uid: '', groups: [GROUP.masters, GROUP.authenticated], extra: {} };
}

export function isInGroup(user: UserInfo, group: string): boolean {
  return user.groups.includes(group);
}

/** The node that the user is, or undefined: a node has the group and the name `system:node:<node>`. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(NODE_USER_PREFIX) || !isInGroup(user, GROUP.nodes)) return undefined;
  return user.name.slice(NODE_USER_PREFIX.length);
}
