/** What a container may do: its own security context wins over the pod's. Source: Kubernetes API reference, SecurityContext. */
import type { Container } from '../../../shared/api/container.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { ContainerSecurity } from '../../container-runtime/runtime.ts';
import { ConfigError } from './config-reader.ts';

export interface SecurityOptions {
  container: Pick<Container, 'securityContext'>;
  podSecurity: PodSpec['securityContext'] | undefined;
  /** The user that the image names; empty is root. */
  imageUser: string;
  /** Text of a seccomp profile of the node, for type Localhost. */
  localhostProfile: string | undefined;
}

/** The seccomp profile file of the node that the container names, relative to the node's folder of profiles. */
export function localhostSeccompOf(
  container: SecurityOptions['container'],
  podSecurity: SecurityOptions['podSecurity'],
): string | undefined {
  const profile = container.securityContext?.seccompProfile ?? podSecurity?.seccompProfile;
  return profile?.type === 'Localhost' ? (profile.localhostProfile ?? '') : undefined;
}

/** Whether the container names an AppArmor profile that only a kernel with AppArmor can enforce. */
export function demandsAppArmor(
  container: SecurityOptions['container'],
  podSecurity: SecurityOptions['podSecurity'],
): boolean {
  const profile = container.securityContext?.appArmorProfile ?? podSecurity?.appArmorProfile;
  return profile !== undefined && profile.type !== 'Unconfined';
}

/** Throws ConfigError when runAsNonRoot would be broken. */
export function computeContainerSecurity(options: SecurityOptions): ContainerSecurity {
  const { container, podSecurity = {} } = options;
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? podSecurity.runAsUser;
  const group = own.runAsGroup ?? podSecurity.runAsGroup;
  if (own.runAsNonRoot ?? podSecurity.runAsNonRoot) demandNonRoot(user, options.imageUser);
  if (podSecurity.supplementalGroupsPolicy === 'Strict') demandGroup(user, group);
  const fsGroup = podSecurity.fsGroup === undefined ? [] : [podSecurity.fsGroup];
  return {
    user: renderUser(user, group),
    supplementalGroups: [...(podSecurity.supplementalGroups ?? []), ...fsGroup],
    privileged: own.privileged ?? false,
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    allowPrivilegeEscalation: own.allowPrivilegeEscalation ?? true,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccompProfile: renderSeccomp(own.seccompProfile ?? podSecurity.seccompProfile, options.localhostProfile),
    appArmorProfile: renderAppArmor(own.appArmorProfile ?? podSecurity.appArmorProfile),
  };
}

function renderUser(user: number | undefined, group: number | undefined): string | undefined {
  if (user === undefined) return group === undefined ? undefined : `0:${group}`;
  return group === undefined ? String(user) : `${user}:${group}`;
}

function demandNonRoot(user: number | undefined, imageUser: string): void {
  if (user === 0) throw new ConfigError("container's runAsUser breaks non-root policy");
  if (user !== undefined) return;
  const [name = ''] = imageUser.split(':');
  if (name === '' || name === '0' || name === 'root') {
    throw new ConfigError('container has runAsNonRoot and image will run as root');
  }
  if (!/^\d+$/.test(name)) {
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`,
    );
  }
}

/**
 * The engine adds the groups that the image's /etc/group gives to the user, unless the group is named too: then it takes
 * nothing from there, which is what Strict asks for.
 */
function demandGroup(user: number | undefined, group: number | undefined): void {
  if (user !== undefined && group !== undefined) return;
  throw new ConfigError('supplementalGroupsPolicy Strict needs runAsUser and runAsGroup on this container runtime');
}

function renderAppArmor(profile: { type: string; localhostProfile?: string } | undefined): string | undefined {
  if (profile?.type === 'Unconfined') return 'unconfined';
  return profile?.type === 'Localhost' ? profile.localhostProfile : undefined;
}

/**
 * undefined: the engine's default profile, also where the pod names none: as a kubelet with --seccomp-default, because boards
 * at home rarely have anybody who would think of it.
 */
function renderSeccomp(
  profile: { type: string } | undefined,
  localhostProfile: string | undefined,
): string | undefined {
  if (profile?.type === 'Unconfined') return 'unconfined';
  return profile?.type === 'Localhost' ? localhostProfile : undefined;
}
