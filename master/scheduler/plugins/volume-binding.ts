/**
 * VolumeBinding: a pod goes where its volumes are, and where those that are still missing can be found or made.
 * Source: Kubernetes, "Storage Classes", Volume Binding Mode; "Persistent Volumes", Binding.
 */
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { StorageClass } from '../../../shared/api/storage-class.ts';
import type { FilterPlugin, NodeFilter, Reasons } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { canProvision, chooseVolume, isReachableFrom, SELECTED_NODE_ANNOTATION } from '../volumes/match-volume.ts';
import type { VolumeState } from '../volumes/volume-state.ts';

const NOT_REACHABLE: Reasons = ["node(s) didn't match PersistentVolume's node affinity"];
const NOTHING_TO_BIND: Reasons = ["node(s) didn't find available persistent volumes to bind"];
const NOT_BOUND: Reasons = ['pod has unbound immediate PersistentVolumeClaims'];

export const volumeBinding: FilterPlugin = {
  name: 'VolumeBinding',
  yieldsToPreemption: false,
  preFilter({ claims }, { volumes }) {
    if (claims.length === 0) return undefined;
    const sorted = sortClaims(claims, volumes);
    return Array.isArray(sorted) ? { check: () => sorted, never: sorted } : createFilter(sorted, volumes);
  },
  wakesOn: (_pod, event) => event.type === 'storage-changed',
};

/** A claim that gets its volume when its pod gets its node. */
export interface WaitingClaim {
  readonly key: string;
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
}

interface SortedClaims {
  bound: PersistentVolume[];
  waiting: WaitingClaim[];
}

/** What the pod's claims need of a node; undefined: one of them cannot be used anywhere. */
export function waitingClaimsOf({ claims }: PodInfo, volumes: VolumeState): readonly WaitingClaim[] {
  const sorted = sortClaims(claims, volumes);
  return Array.isArray(sorted) ? [] : sorted.waiting;
}

/** For each waiting claim a volume that is there, or `undefined` for one to be made; undefined: the node cannot serve. */
export function chooseVolumes(
  waiting: readonly WaitingClaim[],
  volumes: VolumeState,
  node: NodeInfo,
): ReadonlyMap<string, string | undefined> | undefined {
  const choices = new Map<string, string | undefined>();
  const taken = new Set<string>();
  for (const { key, claim, storageClass } of waiting) {
    const selected = claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION];
    // A volume is being made for that node already.
    if (selected !== undefined && selected !== node.name) return undefined;
    const isFree = (volume: PersistentVolume): boolean => {
      const owner = volumes.ownerOf(volume);
      return (
        (owner === undefined || owner === key) && !taken.has(volume.metadata.name) && isReachableFrom(volume, node)
      );
    };
    const volume = chooseVolume(claim, volumes.volumes.values(), isFree);
    if (volume === undefined && !canProvision(storageClass, node)) return undefined;
    if (volume !== undefined) taken.add(volume.metadata.name);
    choices.set(key, volume?.metadata.name);
  }
  return choices;
}

function createFilter({ bound, waiting }: SortedClaims, volumes: VolumeState): NodeFilter {
  return {
    check(node) {
      if (!bound.every((volume) => isReachableFrom(volume, node))) return NOT_REACHABLE;
      if (waiting.length > 0 && chooseVolumes(waiting, volumes, node) === undefined) return NOTHING_TO_BIND;
      return undefined;
    },
  };
}

/** Reasons when some claim cannot be used at all. */
function sortClaims(keys: readonly string[], state: VolumeState): SortedClaims | string[] {
  const sorted: SortedClaims = { bound: [], waiting: [] };
  for (const key of keys) {
    const claim = state.claims.get(key);
    const name = key.slice(key.indexOf('/') + 1);
    if (claim === undefined) return [`persistentvolumeclaim "${name}" not found`];
    if (claim.metadata.deletionTimestamp !== undefined) return [`persistentvolumeclaim "${name}" is being deleted`];
    const { volumeName } = claim.spec;
    if (claim.status.phase === 'Lost') {
      return [`persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${volumeName ?? ''}"`];
    }
    if (volumeName) {
      const volume = state.volumes.get(volumeName);
      if (volume === undefined) return [`persistentvolume "${volumeName}" not found`];
      // Named by the user and not confirmed yet: the volume may be another claim's.
      if (claim.status.phase !== 'Bound' && state.ownerOf(volume) !== key) return [...NOT_BOUND];
      sorted.bound.push(volume);
    } else {
      const storageClass = state.classes.get(claim.spec.storageClassName ?? '');
      if (storageClass?.volumeBindingMode !== 'WaitForFirstConsumer') return [...NOT_BOUND];
      sorted.waiting.push({ key, claim, storageClass });
    }
  }
  return sorted;
}
