/** What becomes of a volume: free, bound, released, reclaimed. Pure; one step at a time. */
import { PROVISIONED_BY_ANNOTATION } from '../../../shared/api/local-path-names.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { ActionOf } from '../actions.ts';
import { BOUND_BY_CONTROLLER } from './names.ts';

export type VolumePhase = PersistentVolume['status']['phase'];

export interface VolumeActions {
  keep: { phase: VolumePhase; reason?: string; message?: string };
  /** The claim must be looked at: it and the volume do not name each other yet. */
  lookAtClaim: { phase: VolumePhase };
  /** Takes back what the controller has written into the volume. */
  unbind: { phase: 'Available' };
  /** To be removed with its data, by who made it. */
  remove: { phase: 'Released' };
}

export interface VolumeState {
  volume: PersistentVolume;
  /** The claim that the volume names, whatever its uid; undefined: there is none, and the server says so too. */
  claim: PersistentVolumeClaim | undefined;
}

type Step = ActionOf<VolumeActions>;

export function computeVolumeStep({ volume, claim }: VolumeState): Step {
  const { claimRef } = volume.spec;
  if (claimRef === undefined) return { type: 'keep', phase: 'Available' };
  if (!claimRef.uid) return claim ? { type: 'lookAtClaim', phase: 'Available' } : { type: 'keep', phase: 'Available' };
  if (claim === undefined || claim.metadata.uid !== claimRef.uid) return reclaim(volume);
  const { volumeName } = claim.spec;
  if (!volumeName) return { type: 'lookAtClaim', phase: volume.status.phase };
  if (volumeName === volume.metadata.name) return { type: 'lookAtClaim', phase: 'Bound' };
  // The claim has got another volume: a volume made for it is not needed, any other one is free again.
  if (isMade(volume) && volume.spec.persistentVolumeReclaimPolicy === 'Delete') return reclaim(volume);
  return { type: 'unbind', phase: 'Available' };
}

function isMade({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[PROVISIONED_BY_ANNOTATION] !== undefined;
}

function reclaim(volume: PersistentVolume): Step {
  switch (volume.spec.persistentVolumeReclaimPolicy) {
    case 'Delete':
      if (isMade(volume)) return { type: 'remove', phase: 'Released' };
      return failed('VolumeFailedDelete', 'nobody who could delete the data of this volume is known');
    case 'Recycle':
      return failed('VolumeFailedRecycle', 'recycling is not supported; use Retain or Delete');
    default:
      return { type: 'keep', phase: 'Released' };
  }
}

function failed(reason: string, message: string): Step {
  return { type: 'keep', phase: 'Failed', reason, message };
}

/** The volume as if nobody had claimed it; a claim that the user has written in stays, without the uid. */
export function unboundVolume(volume: PersistentVolume): PersistentVolume {
  const { [BOUND_BY_CONTROLLER]: byController, ...annotations } = volume.metadata.annotations ?? {};
  const { claimRef, ...spec } = volume.spec;
  const { uid: _, resourceVersion: __, ...ref } = claimRef ?? {};
  const keepsRef = byController === undefined && claimRef !== undefined;
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: keepsRef ? { ...spec, claimRef: ref } : spec,
  };
}
