/**
 * Pods that wait for a Job to count them, and whose Job is gone: their finalizer goes, or they would stay for ever.
 * Invariant: the server is asked for the Job; a pod is not released on the word of an informer alone.
 */
import { JobKind } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { keyOf } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import { BY_CONTROLLER, type Environment, type Informers } from '../informers.ts';
import { SyncedController } from '../synced-controller.ts';
import { releasePod } from './executors.ts';
import { isTracked } from './pod-facts.ts';

export function createOrphanPodReleaser(environment: Environment, { jobs, pods }: Informers): Component {
  const { client } = environment;
  const controller = new SyncedController({
    ...environment,
    name: 'job-orphan-pods',
    informers: [jobs, pods],
    async reconcile(key) {
      const pod = pods.get(key);
      if (pod !== undefined && isTracked(pod) && !hasKnownJob(pod) && (await isJobGone(pod))) {
        await releasePod(client, pod);
      }
    },
  });
  const hasKnownJob = (pod: Pod): boolean => {
    const owner = controllerOf(pod);
    return owner?.kind === JobKind.kind && jobs.get(jobKey(pod, owner.name))?.metadata.uid === owner.uid;
  };
  const isJobGone = async (pod: Pod): Promise<boolean> => {
    const owner = controllerOf(pod);
    if (owner?.kind !== JobKind.kind) return true;
    try {
      const job = await client.get(JobKind, { namespace: pod.metadata.namespace, name: owner.name });
      return job.metadata.uid !== owner.uid;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return true;
      throw error;
    }
  };
  pods.onChange((key, current) => {
    if (current !== undefined && isTracked(current) && !hasKnownJob(current)) controller.enqueue(key);
  });
  jobs.onChange((_key, current, previous) => {
    if (previous === undefined || previous.metadata.uid === current?.metadata.uid) return;
    const left = pods.byIndex(BY_CONTROLLER, previous.metadata.uid).filter(isTracked);
    for (const pod of left) controller.enqueue(keyOf(pod));
  });
  return controller;
}

function jobKey({ metadata }: Pod, name: string): string {
  return `${metadata.namespace}/${name}`;
}
