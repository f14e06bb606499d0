/**
 * Pure: what a specification asks for and a board with Docker cannot give. What would change how a pod works is refused, in
 * words that say so; what changes nothing here is noted as an event. docs/pod-spec.md has the whole list.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { RuntimeInfo } from '../../container-runtime/runtime.ts';
import { ConfigError } from './config-reader.ts';
import { demandsAppArmor } from './container-security.ts';

/** Throws ConfigError where the pod as a whole cannot be served. */
export function demandServedPod({ spec }: Pod): void {
  if (spec.hostUsers === false)
    throw new ConfigError('hostUsers: false is not served: the engine has one range of users');
  if (spec.runtimeClassName) throw new ConfigError(`RuntimeClass "${spec.runtimeClassName}" not found on this node`);
  if ((spec.resourceClaims ?? []).length > 0) throw new ConfigError('resourceClaims are not served by this node');
}

/** Whether the answer depends on the engine. */
export function asksEngine(pod: Pod, container: Container): boolean {
  const mounts = container.volumeMounts ?? [];
  return (
    demandsAppArmor(container, pod.spec.securityContext) ||
    mounts.some(({ recursiveReadOnly }) => recursiveReadOnly === 'Enabled' || recursiveReadOnly === 'IfPossible')
  );
}

/** Throws ConfigError where a container cannot be served. `engine` is there when `asksEngine` says so. */
export function demandServedContainer(pod: Pod, container: Container, engine: RuntimeInfo | undefined): void {
  if (demandsAppArmor(container, pod.spec.securityContext) && !engine?.appArmor) {
    throw new ConfigError('Cannot enforce AppArmor: AppArmor is not enabled on the host');
  }
  if (container.securityContext?.procMount === 'Unmasked') {
    throw new ConfigError('procMount Unmasked needs users of its own for the pod, which are not served');
  }
  const mounts = container.volumeMounts ?? [];
  if (mounts.some(({ recursiveReadOnly }) => recursiveReadOnly === 'Enabled') && !engine?.recursiveReadOnly) {
    throw new ConfigError('recursiveReadOnly Enabled needs Docker 25 or newer on this node');
  }
  if ((container.resources?.claims ?? []).length > 0)
    throw new ConfigError('resources.claims are not served by this node');
}

/** Paths of fields that have no effect on this node. */
export function ignoredFields({ spec }: Pod, container: Container): string[] {
  const { securityContext: own } = container;
  const { securityContext: shared } = spec;
  return [
    ...(shared?.seLinuxOptions ? ['spec.securityContext.seLinuxOptions'] : []),
    ...(shared?.seLinuxChangePolicy ? ['spec.securityContext.seLinuxChangePolicy'] : []),
    ...(shared?.windowsOptions ? ['spec.securityContext.windowsOptions'] : []),
    ...(own?.seLinuxOptions ? ['securityContext.seLinuxOptions'] : []),
    ...(own?.windowsOptions ? ['securityContext.windowsOptions'] : []),
  ];
}
