/**
 * Where the runtime keeps what it must find again: in the labels of its containers, and in names that make a repeated
 * creation collide instead of doubling. Names follow Kubernetes' old dockershim.
 */
import type { PodIdentity } from './runtime.ts';

export const LABEL = {
  node: 'bramble.dev/node',
  attempt: 'bramble.dev/attempt',
  hash: 'bramble.dev/hash',
  image: 'bramble.dev/image',
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  sandboxId: 'io.kubernetes.sandbox.id',
  /** Of a sandbox whose port the node makes: its addresses, and the Docker network whose bridge the port is on. */
  address: 'bramble.dev/address',
  network: 'bramble.dev/network',
  /** Of a container that holds the namespaces of a sandbox without a container: its program waits behind a gate. */
  gate: 'bramble.dev/gate',
} as const;

/** Annotations become labels with this prefix, so that no annotation can pose as one of ours. */
const ANNOTATION_PREFIX = 'annotation.';

/** The container name of a sandbox; no container of a pod can be called so, as container names are lower case. */
export const SANDBOX_NAME = 'POD';

export type Labels = Readonly<Record<string, string>>;

/** What a container of ours is; `name` is SANDBOX_NAME for a sandbox. */
export interface ContainerIdentity {
  node: string;
  pod: PodIdentity;
  name: string;
  attempt: number;
}

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`. */
export function renderContainerName({ pod, name, attempt }: ContainerIdentity): string {
  return ['k8s', name, pod.name, pod.namespace, pod.uid, attempt].join('_');
}

export function renderLabels(identity: ContainerIdentity, annotations: Labels): Record<string, string> {
  const { node, pod, name, attempt } = identity;
  const prefixed = Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]);
  return {
    ...Object.fromEntries(prefixed),
    [LABEL.node]: node,
    [LABEL.podName]: pod.name,
    [LABEL.podNamespace]: pod.namespace,
    [LABEL.podUid]: pod.uid,
    [LABEL.containerName]: name,
    [LABEL.attempt]: String(attempt),
  };
}

/** undefined: the labels are not ours. */
export function parseIdentity(labels: Labels): ContainerIdentity | undefined {
  const node = labels[LABEL.node];
  const uid = labels[LABEL.podUid];
  const name = labels[LABEL.containerName];
  if (node === undefined || uid === undefined || name === undefined) return undefined;
  const pod = { namespace: labels[LABEL.podNamespace] ?? '', name: labels[LABEL.podName] ?? '', uid };
  return { node, pod, name, attempt: Number(labels[LABEL.attempt] ?? 0) };
}

export function parseAnnotations(labels: Labels): Record<string, string> {
  const own = Object.entries(labels).filter(([key]) => key.startsWith(ANNOTATION_PREFIX));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(ANNOTATION_PREFIX.length), value]));
}

/** Addresses of a sandbox whose port the node makes; empty: the engine made it. */
export function readAddresses(labels: Labels): string[] {
  return (labels[LABEL.address] ?? '').split(',').filter((address) => address !== '');
}

export function isSameIdentity(a: ContainerIdentity, b: ContainerIdentity): boolean {
  return a.node === b.node && a.pod.uid === b.pod.uid && a.name === b.name && a.attempt === b.attempt;
}
