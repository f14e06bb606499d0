/** Pure: a container's mounts. Where a volume lies is somebody else's answer; a path below it must not lead out of it. */
import type { Container } from '../../../shared/api/container.ts';
import type { VolumeMount } from '../../../shared/api/container-fields.ts';
import type { Mount } from '../../container-runtime/runtime.ts';
import { ConfigError } from './config-reader.ts';
import { expand } from './expand.ts';

/** Host path of a mount, `index` in the container's list. Throws ConfigError when its volume is not there. */
export type MountSource = (mount: VolumeMount, index: number) => string;

const PROPAGATION = { None: 'private', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const;

export function renderMounts(
  container: Pick<Container, 'volumeMounts' | 'terminationMessagePath'>,
  terminationLog: string | undefined,
  sourceOf: MountSource,
): Mount[] {
  const mounts = (container.volumeMounts ?? []).map((mount, index) => renderMount(mount, sourceOf(mount, index)));
  if (terminationLog === undefined) return mounts;
  const containerPath = container.terminationMessagePath || '/dev/termination-log';
  const propagation = 'private' as const;
  return [
    ...mounts,
    { hostPath: terminationLog, containerPath, readOnly: false, recursiveReadOnly: false, propagation },
  ];
}

function renderMount(mount: VolumeMount, hostPath: string): Mount {
  return {
    hostPath,
    containerPath: mount.mountPath,
    readOnly: mount.readOnly ?? false,
    recursiveReadOnly: false,
    propagation: PROPAGATION[mount.mountPropagation ?? 'None'],
  };
}

/** The part of a volume that a mount wants; empty: all of it. Throws ConfigError where a variable is missing. */
export function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string {
  if (mount.subPathExpr === undefined) return checkSubPath(mount.subPath ?? '');
  const missing = namesIn(mount.subPathExpr).filter((name) => !env.has(name));
  if (missing.length > 0)
    throw new ConfigError(`subPathExpr: missing value for ${missing.map((name) => JSON.stringify(name)).join(', ')}`);
  return checkSubPath(expand(mount.subPathExpr, env));
}

/** Variables that a text refers to; `$$(NAME)` refers to none. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/\$(?:\$|\(([^()]*)\))/g)].flatMap(([, name]) => name ?? []);
}

/** The API server checks subPath; an expanded one is only known here. */
function checkSubPath(subPath: string): string {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new ConfigError(`subPath ${JSON.stringify(subPath)} must stay inside the volume`);
  }
  return subPath;
}
