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

/** Throws ConfigError when runAsNonRoot would be broken. */
export function computeContainerSecurity(options: SecurityOptions): ContainerSecurity {
  const { container, podSecurity = {} } = options;
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? podSecurity.runAsUser;
  const group = own.runAsGroup ?? podSecurity.runAsGroup;
  if (own.runAsNonRoot ?? podSecurity.runAsNonRoot) demandNonRoot(user, options.imageUser);
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
