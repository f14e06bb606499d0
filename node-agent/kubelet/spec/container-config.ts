/** Pure: what the runtime is asked to run for one container of a pod. */
import { createHash } from 'node:crypto';
import type { Container } from '../../../shared/api/container.ts';
import type { VolumeMount } from '../../../shared/api/container-fields.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ContainerConfig, Mount, PodIdentity } from '../../container-runtime/runtime.ts';
import type { ContainerGrant } from '../pod/pod-gate.ts';
import { ConfigError, type ConfigReader } from './config-reader.ts';
import { computeContainerResources } from './container-resources.ts';
import { computeContainerSecurity } from './container-security.ts';
import type { PodFacts } from './downward.ts';
import { resolveEnv } from './env.ts';
import { expand } from './expand.ts';
import { computeQosClass } from './qos.ts';

export interface ContainerConfigInput {
  pod: Pod;
  container: Container;
  attempt: number;
  annotations: Record<string, string>;
  facts: PodFacts;
  reader: ConfigReader;
  /** Host paths of the pod's volumes by name. */
  volumePaths: ReadonlyMap<string, string>;
  /** Host file that is mounted as the termination message; absent: none. */
  terminationLog: string | undefined;
  imageUser: string;
  nodeMemoryBytes: number;
  /** Devices and what comes with them; absent: none. */
  grant?: ContainerGrant;
}

/** Throws ConfigError when the specification cannot be followed now. */
export function renderContainerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, attempt, annotations, facts, reader, grant } = input;
  const env = resolveEnv({ pod, container, facts, reader, initial: grant?.env ?? [] });
  const expandAll = (words: string[] | undefined) => words?.map((word) => expand(word, env));
  const podSecurity = pod.spec.securityContext;
  return {
    pod: podIdentity(pod),
    name: container.name,
    attempt,
    image: imageOf(container),
    command: expandAll(container.command),
    args: expandAll(container.args),
    workingDir: container.workingDir,
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts: renderMounts(input, env),
    resources: computeContainerResources(container, computeQosClass(pod.spec), input.nodeMemoryBytes),
    security: computeContainerSecurity({
      container,
      podSecurity,
      imageUser: input.imageUser,
      localhostProfile: undefined,
    }),
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    hash: hashContainer(container),
    annotations: { ...annotations, ...grant?.annotations },
    pidMode: pod.spec.hostPID ? 'host' : pod.spec.shareProcessNamespace ? 'pod' : 'container',
    devices: grant?.devices ?? [],
  };
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

function renderMounts(input: ContainerConfigInput, env: ReadonlyMap<string, string>): Mount[] {
  const { container, volumePaths, terminationLog } = input;
  const mounts = (container.volumeMounts ?? []).map((mount) => renderMount(mount, volumePaths, env));
  if (terminationLog === undefined) return mounts;
  const containerPath = container.terminationMessagePath || '/dev/termination-log';
  return [...mounts, { hostPath: terminationLog, containerPath, readOnly: false, propagation: 'private' }];
}

function renderMount(mount: VolumeMount, paths: ReadonlyMap<string, string>, env: ReadonlyMap<string, string>): Mount {
  const root = paths.get(mount.name);
  if (root === undefined) throw new ConfigError(`volume "${mount.name}" is not mounted`);
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, env);
  return {
    hostPath: subPath === '' ? root : `${root}/${checkSubPath(subPath)}`,
    containerPath: mount.mountPath,
    readOnly: mount.readOnly ?? false,
    propagation: PROPAGATION[mount.mountPropagation ?? 'None'],
  };
}

const PROPAGATION = { None: 'private', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const;

/** The API server checks subPath; an expanded one is only known here. */
function checkSubPath(subPath: string): string {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new ConfigError(`subPath ${JSON.stringify(subPath)} must stay inside the volume`);
  }
  return subPath;
}
