/** Where a pod's files lie below the agent's data directory; Kubernetes' own layout. */
import { join } from 'node:path';

export interface PodPaths {
  /** `<data>/pods` */
  root: string;
  /** `<data>/pods-memory`: like `root`, for what shall not be written to a card. The same as `root` unless given. */
  memory?: string;
}

/** `<data>/pods/<uid>`: everything of one pod, removed with it. */
export function podDirectory(paths: PodPaths, uid: string): string {
  return join(paths.root, uid);
}

/** What a pod has in memory, removed with it. */
export function podMemoryDirectory(paths: PodPaths, uid: string): string {
  return join(paths.memory ?? paths.root, uid);
}

/** `<pod>/volumes/<plugin>/<volume>`, plug-in such as `empty-dir` or `config-map`. */
export function volumeDirectory(podDirectory: string, plugin: string, volume: string): string {
  return join(podDirectory, 'volumes', `kubernetes.io~${plugin}`, volume);
}

/** Where a part of a volume appears that one mount of a container wants. */
export function subPathMountPoint(
  paths: PodPaths,
  { uid, volume, container, index }: { uid: string; volume: string; container: string; index: number },
): string {
  return join(podDirectory(paths, uid), 'volume-subpaths', volume, container, String(index));
}

/** The file in which a run of a container explains its end. */
export function terminationLogFile(paths: PodPaths, uid: string, container: string, attempt: number): string {
  return join(podDirectory(paths, uid), 'containers', container, `termination-${attempt}`);
}

/** `<data>/seccomp/<profile>`: profiles of type Localhost, put there by whoever runs the board. */
export function seccompProfileFile(paths: PodPaths, profile: string): string {
  return join(paths.root, '..', 'seccomp', profile);
}
