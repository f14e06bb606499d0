/**
 * Storage in use is not deleted: a claim stays as long as a pod that has a node uses it, a volume as long as it is bound.
 * Source: Kubernetes, "Persistent Volumes: Storage Object in Use Protection".
 */
import { type PersistentVolume, PersistentVolumeKind } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { parseKey } from '../../../shared/client/informer.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { SyncedController } from '../synced-controller.ts';
import { removeFinalizer } from './finalizers.ts';
import { CLAIM_FINALIZER, VOLUME_FINALIZER } from './names.ts';
import { claimKeysOf } from './pod-claims.ts';

/** Pods by `namespace/name` of each claim that they use. */
const BY_CLAIM = 'claim';

export function createClaimProtection(environment: Environment, informers: Informers): Component {
  const { client } = environment;
  const { pods, persistentVolumeClaims: claims } = informers;
  const controller = new SyncedController({
    ...environment,
    name: 'pvc-protection',
    informers: [pods, claims],
    async reconcile(key) {
      const claim = claims.get(key);
      if (claim === undefined || !isHeld(claim, CLAIM_FINALIZER)) return;
      if (pods.byIndex(BY_CLAIM, key).some(hasNode)) return;
      // The informer may not know the newest pods; what is let go now is gone.
      const { namespace = '' } = parseKey(key);
      const { items } = await client.list(PodKind, { namespace });
      if (items.some((pod) => hasNode(pod) && claimKeysOf(pod).includes(key))) return;
      await removeFinalizer(client, PersistentVolumeClaimKind, claim, CLAIM_FINALIZER);
    },
  });
  pods.addIndex(BY_CLAIM, claimKeysOf);
  claims.onChange((key, current) => {
    if (current !== undefined && isHeld(current, CLAIM_FINALIZER)) controller.enqueue(key);
  });
  pods.onChange((_key, current, previous) => {
    if (current === undefined && previous !== undefined)
      for (const key of claimKeysOf(previous)) controller.enqueue(key);
  });
  return controller;
}

export function createVolumeProtection(environment: Environment, informers: Informers): Component {
  const { client } = environment;
  const { persistentVolumes: volumes } = informers;
  const controller = new SyncedController({
    ...environment,
    name: 'pv-protection',
    informers: [volumes],
    async reconcile(key) {
      const volume = volumes.get(key);
      if (volume === undefined || !isHeld(volume, VOLUME_FINALIZER) || volume.status.phase === 'Bound') return;
      await removeFinalizer(client, PersistentVolumeKind, volume, VOLUME_FINALIZER);
    },
  });
  volumes.onChange((key, current) => {
    if (current !== undefined && isHeld(current, VOLUME_FINALIZER)) controller.enqueue(key);
  });
  return controller;
}

function isHeld({ metadata }: PersistentVolumeClaim | PersistentVolume, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);
}

/** A pod without a node has mounted nothing yet. */
function hasNode({ spec }: Pod): boolean {
  return Boolean(spec.nodeName);
}
