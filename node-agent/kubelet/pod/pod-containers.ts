/** The containers of a pod with their roles, in the order in which they start. Pure. */
import type { Container } from '../../../shared/api/container.ts';
import type { ContainerStatus } from '../../../shared/api/container-status.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';

export type ContainerRole = 'init' | 'main' | 'ephemeral';

export interface PlacedContainer {
  container: Container;
  role: ContainerRole;
}

type Containers = Pick<PodSpec, 'initContainers' | 'containers' | 'ephemeralContainers'>;

export function containersOf({
  initContainers = [],
  containers,
  ephemeralContainers = [],
}: Containers): PlacedContainer[] {
  const place = (role: ContainerRole) => (container: Container) => ({ container, role });
  return [
    ...initContainers.map(place('init')),
    ...containers.map(place('main')),
    ...ephemeralContainers.map(place('ephemeral')),
  ];
}

export function findContainer(spec: Containers, name: string): PlacedContainer | undefined {
  return containersOf(spec).find(({ container }) => container.name === name);
}

/** What the API shows of one container, whatever its role. */
export function shownStatus({ status }: Pick<Pod, 'status'>, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find((shown) => shown.name === name);
}

/** A sidecar: an init container that keeps running. */
export function isSidecar(container: Pick<Container, 'restartPolicy'>): boolean {
  return container.restartPolicy === 'Always';
}

export function sidecarsOf({ spec }: Pick<Pod, 'spec'>): Container[] {
  return (spec.initContainers ?? []).filter(isSidecar);
}

/** The container that an ephemeral one looks into; undefined: none, or it is no ephemeral container. */
export function targetOf({ spec }: Pick<Pod, 'spec'>, name: string): string | undefined {
  const found = spec.ephemeralContainers?.find((container) => container.name === name);
  return found?.targetContainerName || undefined;
}
