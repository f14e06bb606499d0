/** Volumes that are directories below the agent's data directory: where they lie, and how one is made. */
import { join } from 'node:path';
import { LOCAL_PATH_PROVISIONER, PROVISIONED_BY_ANNOTATION } from '../../../shared/api/local-path-names.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PodPaths } from '../paths.ts';
import type { HostFiles } from './host-files.ts';

/** Containers run as any user, and nobody has said as which. */
const VOLUME_MODE = 0o777;

/** `<data>/volumes`, beside the pods. */
export function volumesDirectory({ root }: PodPaths): string {
  return join(root, '..', 'volumes');
}

/** Whether a volume's directory is made by the agent when it is missing. */
export function isLocalPathVolume({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[PROVISIONED_BY_ANNOTATION] === LOCAL_PATH_PROVISIONER;
}

export async function makeLocalPath(files: HostFiles, path: string): Promise<void> {
  if ((await files.typeOf(path)) === undefined) await files.makeDirectory(path, VOLUME_MODE);
}
