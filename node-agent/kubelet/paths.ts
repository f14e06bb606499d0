/** Where a pod's files lie below the agent's data directory; Kubernetes' own layout. */
import { join } from 'node:path';

export interface PodPaths {
  /** `<data>/pods` */
  root: string;
}

/** `<data>/pods/<uid>`: everything of one pod, removed with it. */
export function podDirectory(paths: PodPaths, uid: string): string {
  return join(paths.root, uid);
}

/** `<data>/pods/<uid>/volumes/<plugin>/<volume>`, plug-in such as `empty-dir` or `config-map`. */
export function volumeDirectory(paths: PodPaths, uid: string, plugin: string, volume: string): string {
  return join(podDirectory(paths, uid), 'volumes', `kubernetes.io~${plugin}`, volume);
}

/** The file in which a run of a container explains its end. */
export function terminationLogFile(paths: PodPaths, uid: string, container: string, attempt: number): string {
  return join(podDirectory(paths, uid), 'containers', container, `termination-${attempt}`);
}
