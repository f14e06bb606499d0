/** Which volume a claim gets. Pure. Source: Kubernetes, "Persistent Volumes: Binding". */
import { storageClassOf } from '../../../shared/api/columns/storage.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';

/** The volume names this claim, with its uid or, set by a user, without one. */
export function isClaimedBy({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (claimRef?.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

/** Why a volume that the user has named cannot serve the claim; undefined: it can. */
export function mismatchOf(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (sizeOf(volume.spec.capacity) < sizeOf(claim.spec.resources.requests)) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (volume.spec.volumeMode !== claim.spec.volumeMode) return 'incompatible volumeMode';
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode';
}

/**
 * A volume that was made or kept for the claim, or else, unless `onlyClaimed`, the smallest one that fits and is free; of
 * equal ones the first by name.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  onlyClaimed: boolean,
): PersistentVolume | undefined {
  const usable = volumes.filter((volume) => volume.metadata.deletionTimestamp === undefined);
  const kept = usable.filter((volume) => isClaimedBy(volume, claim) && mismatchOf(volume, claim) === undefined);
  const free = onlyClaimed ? [] : usable.filter((volume) => isFree(volume) && fits(volume, claim));
  return first(kept) ?? first(free);
}

function isFree({ spec, status }: PersistentVolume): boolean {
  return spec.claimRef === undefined && status.phase === 'Available';
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { selector } = claim.spec;
  const isSelected =
    selector === undefined || selectorMatches(selectorFromLabelSelector(selector), volume.metadata.labels);
  return isSelected && mismatchOf(volume, claim) === undefined;
}

function hasModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode));
}

function first(volumes: readonly PersistentVolume[]): PersistentVolume | undefined {
  const [best] = [...volumes].sort((a, b) => {
    const difference = sizeOf(a.spec.capacity) - sizeOf(b.spec.capacity);
    return difference === 0 ? (a.metadata.name < b.metadata.name ? -1 : 1) : difference;
  });
  return best;
}

function sizeOf(amounts: Readonly<Record<string, string>> | undefined): number {
  return quantityToBytes(amounts?.['storage'] ?? '0');
}
