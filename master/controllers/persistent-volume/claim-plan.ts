/** What becomes of a claim: bound, given a class, asked for a volume, lost. Pure; one step at a time. */
import { storageClassOf } from '../../../shared/api/columns/storage.ts';
import type { PersistentVolume } from '../../../shared/api/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import { defaultStorageClass, type StorageClass } from '../../../shared/api/storage-class.ts';
import { isLessQuantity } from '../../../shared/machinery/quantity-map.ts';
import type { ActionOf } from '../actions.ts';
import { isLocalPathVolume } from './local-path.ts';
import { findVolume, isClaimedBy, mismatchOf } from './matching.ts';
import { BIND_COMPLETED, NO_PROVISIONER, SELECTED_NODE } from './names.ts';

/** A sentence for the user, told as an event of the claim. */
export interface Notice {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface ClaimActions {
  setClass: { name: string };
  bind: { volume: PersistentVolume };
  provision: { storageClass: StorageClass };
  /** The volume has less room than the claim asks for by now. */
  expand: { volume: PersistentVolume; storage: string };
  wait: { notice?: Notice };
  lose: { notice: Notice };
}

export interface ClaimState {
  claim: PersistentVolumeClaim;
  volumes: readonly PersistentVolume[];
  classes: readonly StorageClass[];
}

type Step = ActionOf<ClaimActions>;

export function computeClaimStep(state: ClaimState): Step {
  const { claim, volumes } = state;
  const { volumeName } = claim.spec;
  const named = volumeName ? volumes.find(({ metadata }) => metadata.name === volumeName) : undefined;
  if (claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) return stepOfBound(claim, named);
  if (claim.metadata.deletionTimestamp !== undefined) return { type: 'wait' };
  return volumeName ? stepOfNamed(claim, named) : stepOfOpen(state);
}

function stepOfBound(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): Step {
  if (volume === undefined) {
    return lose('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  }
  if (volume.spec.claimRef === undefined || volume.spec.claimRef.uid === claim.metadata.uid) {
    return growthOf(claim, volume) ?? { type: 'bind', volume };
  }
  return lose('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** Directories of boards grow by being said to. Whether the class lets a claim grow was looked at when it was changed. */
function growthOf(claim: PersistentVolumeClaim, volume: PersistentVolume): Step | undefined {
  const storage = claim.spec.resources.requests?.['storage'];
  const present = volume.spec.capacity?.['storage'] ?? '0';
  if (storage === undefined || !isLocalPathVolume(volume) || !isLessQuantity(present, storage)) return undefined;
  return { type: 'expand', volume, storage };
}

function lose(reason: string, message: string): Step {
  return { type: 'lose', notice: { type: 'Warning', reason, message } };
}

/** The user wants one particular volume. */
function stepOfNamed(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): Step {
  if (volume === undefined) return { type: 'wait' };
  if (volume.spec.claimRef === undefined) {
    const mismatch = mismatchOf(volume, claim);
    if (mismatch === undefined) return { type: 'bind', volume };
    const message = `Cannot bind to requested volume ${JSON.stringify(volume.metadata.name)}: ${mismatch}`;
    return { type: 'wait', notice: { type: 'Warning', reason: 'VolumeMismatch', message } };
  }
  if (isClaimedBy(volume, claim)) return { type: 'bind', volume };
  const message = `volume ${JSON.stringify(volume.metadata.name)} already bound to a different claim.`;
  return { type: 'wait', notice: { type: 'Warning', reason: 'FailedBinding', message } };
}

function stepOfOpen({ claim, volumes, classes }: ClaimState): Step {
  const className = storageClassOf(claim);
  const storageClass = classes.find(({ metadata }) => metadata.name === className);
  const waitsForPod = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const volume = findVolume(claim, volumes, waitsForPod);
  if (volume !== undefined) return { type: 'bind', volume };
  if (claim.spec.storageClassName === undefined) {
    const standard = defaultStorageClass(classes);
    if (standard !== undefined) return { type: 'setClass', name: standard.metadata.name };
  }
  if (storageClass === undefined) return waitWithoutClass(className);
  if (waitsForPod && claim.metadata.annotations?.[SELECTED_NODE] === undefined) {
    return wait('WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  }
  if (storageClass.provisioner !== NO_PROVISIONER) return { type: 'provision', storageClass };
  return wait('FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
}

function waitWithoutClass(className: string): Step {
  if (className === '') {
    return wait('FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
  }
  const message = `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
  return { type: 'wait', notice: { type: 'Warning', reason: 'ProvisioningFailed', message } };
}

function wait(reason: string, message: string): Step {
  return { type: 'wait', notice: { type: 'Normal', reason, message } };
}
