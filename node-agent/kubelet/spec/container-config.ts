/** Pure: what the runtime is asked to run for one container of a pod. */
import { createHash } from 'node:crypto';
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ResourceRequirements } from '../../../shared/api/resources.ts';
import type { ContainerConfig, PodIdentity } from '../../container-runtime/runtime.ts';
import type { ContainerGrant } from '../pod/pod-gate.ts';
import { AMOUNTS_ANNOTATION, renderAmountsAnnotation } from './amounts.ts';
import type { ConfigReader } from './config-reader.ts';
import { type MountSource, renderMounts } from './container-mounts.ts';
import { computeContainerResources } from './container-resources.ts';
import { computeContainerSecurity } from './container-security.ts';
import type { PodFacts } from './downward.ts';
import { resolveEnv } from './env.ts';
import { expand } from './expand.ts';
import { computeQosClass } from './qos.ts';
import { renderServiceEnv, type ServiceFacts } from './service-env.ts';

export interface ContainerConfigInput {
  pod: Pod;
  container: Container;
  attempt: number;
  annotations: Record<string, string>;
  facts: PodFacts;
  reader: ConfigReader;
  /** Variables of the environment; resolved from the specification unless given. */
  env?: ReadonlyMap<string, string>;
  /** Host path of a mount, by its place in the container's list. */
  mountSource: MountSource;
  /** Host file that is mounted as the termination message; absent: none. */
  terminationLog: string | undefined;
  imageUser: string;
  nodeMemoryBytes: number;
  /** Amounts that the node has given; the container's own unless given. */
  resources?: ResourceRequirements;
  /** Id of the container that an ephemeral one looks into. */
  pidTarget?: string | undefined;
  /** Text of the seccomp profile of type Localhost. */
  seccompProfile?: string | undefined;
  /** Devices and what comes with them; absent: none. */
  grant?: ContainerGrant;
}

/** Throws ConfigError when the specification cannot be followed now. */
export function renderContainerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, attempt, grant, terminationLog } = input;
  const env = input.env ?? resolveContainerEnv(input, []);
  const expandAll = (words: string[] | undefined) => words?.map((word) => expand(word, env));
  const resources = computeContainerResources(
    { resources: input.resources ?? container.resources },
    { podResources: pod.spec.resources, qosClass: computeQosClass(pod.spec), nodeMemoryBytes: input.nodeMemoryBytes },
  );
  return {
    pod: podIdentity(pod),
    name: container.name,
    attempt,
    image: imageOf(container),
    command: expandAll(container.command),
    args: expandAll(container.args),
    workingDir: container.workingDir,
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts: renderMounts(container, terminationLog, input.mountSource),
    resources,
    security: computeContainerSecurity({
      container,
      podSecurity: pod.spec.securityContext,
      imageUser: input.imageUser,
      localhostProfile: input.seccompProfile,
    }),
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    hash: hashContainer(container),
    annotations: {
      ...input.annotations,
      [AMOUNTS_ANNOTATION]: renderAmountsAnnotation(resources),
      ...grant?.annotations,
    },
    pidMode: pod.spec.hostPID ? 'host' : pod.spec.shareProcessNamespace ? 'pod' : 'container',
    pidTarget: input.pidTarget,
    stopSignal: container.lifecycle?.stopSignal,
    devices: grant?.devices ?? [],
  };
}

/** Services first, then what the node grants, then the pod's own. Throws ConfigError. */
export function resolveContainerEnv(
  { pod, container, facts, reader, grant }: Omit<ContainerConfigInput, 'mountSource'>,
  services: readonly ServiceFacts[],
  readFile?: (volume: string, path: string) => string | undefined,
): Map<string, string> {
  const initial = [...renderServiceEnv(pod, services), ...(grant?.env ?? [])];
  return resolveEnv({ pod, container, facts, reader, initial, ...(readFile ? { readFile } : {}) });
}

export function podIdentity({ metadata }: Pod): PodIdentity {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid };
}

export function imageOf(container: Pick<Container, 'image'>): string {
  return container.image ?? '';
}

/** Of what cannot change while a container runs: another hash means that it is made anew. */
export function hashContainer(container: Pick<Container, 'name' | 'image'>): string {
  const text = JSON.stringify([container.name, imageOf(container)]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
