/**
 * Claims and volumes on their way in: a claim that names no class gets the default one, both are kept from deletion while
 * they are used, and a claim grows only where its class allows it.
 * Source: Kubernetes, admission plugins DefaultStorageClass, StorageObjectInUseProtection, PersistentVolumeClaimResize.
 */

import { STORAGE_CLASS_ANNOTATION, storageClassOf } from '../../../shared/api/columns/storage.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import { defaultStorageClass, type StorageClass } from '../../../shared/api/storage-class.ts';
import { forbidden } from '../../../shared/machinery/errors.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import type { ObjectReader } from '../storage/object-index.ts';
import type { AdmissionReview, AdmissionStep } from './admission.ts';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

export function createStorageClaims(classes: ObjectReader<StorageClass>): AdmissionStep {
  return async (review) => {
    const { call, object, operation } = review;
    if (call.kind.group !== '' || call.subresource !== '' || object === undefined) return;
    if (call.kind.kind === 'PersistentVolume' && operation === 'CREATE') addFinalizer(object, VOLUME_FINALIZER);
    if (call.kind.kind !== 'PersistentVolumeClaim') return;
    const claim = asKind<PersistentVolumeClaim>(call.kind, object);
    if (operation === 'CREATE') {
      addFinalizer(object, CLAIM_FINALIZER);
      await setDefaultClass(claim, classes);
    }
    if (operation === 'UPDATE') await refuseGrowth(claim, review, classes);
  };
}

function addFinalizer({ metadata }: ApiObject, finalizer: string): void {
  const finalizers = metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) metadata.finalizers = [...finalizers, finalizer];
}

async function setDefaultClass(claim: PersistentVolumeClaim, classes: ObjectReader<StorageClass>): Promise<void> {
  const { spec, metadata } = claim;
  if (spec.storageClassName !== undefined || metadata.annotations?.[STORAGE_CLASS_ANNOTATION] !== undefined) return;
  const chosen = defaultStorageClass(await classes.list(''));
  if (chosen !== undefined) spec.storageClassName = chosen.metadata.name;
}

async function refuseGrowth(
  claim: PersistentVolumeClaim,
  { call, old }: AdmissionReview,
  classes: ObjectReader<StorageClass>,
): Promise<void> {
  if (old === undefined) return;
  const before = asKind<PersistentVolumeClaim>(call.kind, old);
  if (sizeOf(claim) <= sizeOf(before)) return;
  const found = await classes.get('', storageClassOf(claim));
  if (found?.allowVolumeExpansion) return;
  const why =
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
  throw forbidden(call.kind, claim.metadata.name, why);
}

function sizeOf({ spec }: PersistentVolumeClaim): number {
  return quantityToBytes(spec.resources.requests?.['storage'] ?? '0');
}
