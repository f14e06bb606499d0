/**
 * The two halves of a binding: a volume that names its claim, a claim that names its volume. Pure; what is bound already
 * comes back as it is, so that an interrupted binding is completed and a complete one costs nothing.
 */
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import { BIND_COMPLETED, BOUND_BY_CONTROLLER } from './names.ts';

export function boundVolume(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): PersistentVolume {
  const { claimRef } = volume.spec;
  if (claimRef?.uid === metadata.uid) return volume;
  const annotations: Record<string, string> = claimRef === undefined ? { [BOUND_BY_CONTROLLER]: 'yes' } : {};
  const { namespace = '', name, uid, resourceVersion } = metadata;
  const reference = { kind: PersistentVolumeClaimKind.kind, apiVersion: apiVersionOf(PersistentVolumeClaimKind) };
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations: { ...volume.metadata.annotations, ...annotations } },
    spec: { ...volume.spec, claimRef: { ...reference, namespace, name, uid, resourceVersion } },
  };
}

export function boundClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { annotations = {} } = claim.metadata;
  const isNamed = claim.spec.volumeName === volume.metadata.name;
  if (isNamed && annotations[BIND_COMPLETED] !== undefined) return claim;
  return {
    ...claim,
    metadata: {
      ...claim.metadata,
      annotations: { ...annotations, [BIND_COMPLETED]: 'yes', ...(isNamed ? {} : { [BOUND_BY_CONTROLLER]: 'yes' }) },
    },
    spec: { ...claim.spec, volumeName: volume.metadata.name },
  };
}

/** Written through /status. */
export function boundClaimStatus(volume: PersistentVolume): PersistentVolumeClaim['status'] {
  const { accessModes, capacity } = volume.spec;
  return { phase: 'Bound', ...(accessModes ? { accessModes } : {}), ...(capacity ? { capacity } : {}) };
}

/** With the time of the change where the phase changes. */
export function volumeStatus(
  { status }: PersistentVolume,
  { now, ...next }: { phase: PersistentVolume['status']['phase']; reason?: string; message?: string; now: string },
): PersistentVolume['status'] {
  const isSame = status.phase === next.phase && status.lastPhaseTransitionTime !== undefined;
  return { ...next, lastPhaseTransitionTime: isSame ? (status.lastPhaseTransitionTime ?? now) : now };
}
