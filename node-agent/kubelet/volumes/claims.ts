/** Pure: what a claim leads to on this node. Local directories, local devices and host paths are served. */
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import type { HostPathVolumeSource } from '../../../shared/api/volume-storage.ts';
import { ConfigError, type Found } from '../spec/config-reader.ts';
import { isLocalPathVolume } from './local-path.ts';

export interface ClaimReader {
  claim(namespace: string, name: string): Found<PersistentVolumeClaim>;
  persistentVolume(name: string): Found<PersistentVolume>;
}

export interface ClaimedPath {
  hostPath: HostPathVolumeSource;
  readOnly: boolean;
  isBlock: boolean;
  /** Made on this node when it is missing. */
  isMadeHere: boolean;
  /** A hostPath volume keeps the owners that it has on the node. */
  isGroupable: boolean;
}

/** Name of the claim that a volume is about; undefined: it is about none. */
export function claimNameOf({ metadata }: Pick<Pod, 'metadata'>, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${metadata.name}-${volume.name}` : undefined;
}

/** Throws ConfigError when the claim is not there, not bound, or leads to what a board cannot mount. */
export function resolveClaim(reader: ClaimReader, pod: Pod, volume: Volume): ClaimedPath {
  const name = claimNameOf(pod, volume) ?? '';
  const claim = expectFound(reader.claim(pod.metadata.namespace ?? '', name), `persistentvolumeclaim "${name}"`);
  if (volume.ephemeral) demandOwner(claim, pod);
  const { volumeName } = claim.spec;
  if (!volumeName) throw new ConfigError(`persistentvolumeclaim "${name}" is not bound yet`);
  const found = expectFound(reader.persistentVolume(volumeName), `persistentvolume "${volumeName}"`);
  const { claimRef, local, hostPath, volumeMode } = found.spec;
  // Both name each other: that is what bound means.
  if (claimRef?.uid !== claim.metadata.uid) {
    throw new ConfigError(`persistentvolume "${volumeName}" is bound to another claim than "${name}"`);
  }
  const source = local ? { path: local.path, type: '' as const } : hostPath;
  if (source === undefined) {
    throw new ConfigError(`persistentvolume "${volumeName}" is of a kind that this node does not mount`);
  }
  const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
  const isBlock = volumeMode === 'Block';
  const isMadeHere = local !== undefined && isLocalPathVolume(found);
  return { hostPath: source, readOnly, isBlock, isMadeHere, isGroupable: local !== undefined };
}

function expectFound<T>(found: Found<T>, what: string): T {
  if (found.state === 'present') return found.object;
  if (found.state === 'unknown') throw new ConfigError(`waiting to read ${what}`, true);
  throw new ConfigError(`${what} not found`);
}

function demandOwner({ metadata }: PersistentVolumeClaim, pod: Pod): void {
  if (metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid)) return;
  throw new ConfigError(`persistentvolumeclaim "${metadata.name}" was not made for this pod`);
}
