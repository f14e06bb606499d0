/** Generic ephemeral volumes: a claim is made for the pod that wants one, and goes with it. */
import { PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from '../informers.ts';
import { SyncedController } from '../synced-controller.ts';
import { claimNameOf } from './pod-claims.ts';

export function createEphemeralVolumes(environment: Environment, informers: Informers): Component {
  const { client } = environment;
  const { pods, persistentVolumeClaims: claims } = informers;
  const makeClaim = async (pod: Pod, volume: Volume): Promise<void> => {
    const { namespace = '' } = pod.metadata;
    const template = volume.ephemeral?.volumeClaimTemplate;
    const name = claimNameOf(pod, volume) ?? '';
    if (template === undefined || claims.get(`${namespace}/${name}`) !== undefined) return;
    const { labels, annotations } = template.metadata;
    const owner = { ...subjectOf(PodKind, pod), metadata: pod.metadata };
    const metadata = {
      name,
      namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(owner)],
    };
    try {
      await client.create(PersistentVolumeClaimKind, { metadata, spec: template.spec });
    } catch (error) {
      // Somebody's own claim of that name: the kubelet says so to the user.
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  };
  const controller = new SyncedController({
    ...environment,
    name: 'ephemeral-volume',
    informers: [pods, claims],
    async reconcile(key) {
      const pod = pods.get(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      for (const volume of pod.spec.volumes ?? []) if (volume.ephemeral) await makeClaim(pod, volume);
    },
  });
  pods.onChange((key, current, previous) => {
    const isNew = current !== undefined && current.metadata.uid !== previous?.metadata.uid;
    if (isNew && current.spec.volumes?.some(({ ephemeral }) => ephemeral)) controller.enqueue(key);
  });
  claims.onChange((_key, current, previous) => {
    const owner = previous?.metadata.ownerReferences?.find(({ kind }) => kind === PodKind.kind);
    if (current === undefined && owner) controller.enqueue(`${previous?.metadata.namespace}/${owner.name}`);
  });
  return controller;
}
