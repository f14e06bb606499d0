/** StatefulSets, DaemonSets, Jobs, CronJobs and their pods for tests, in few words. */
import type { ControllerRevision } from '../../../shared/api/controller-revision.ts';
import type { CronJob } from '../../../shared/api/cron-job.ts';
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Job, JobStatus } from '../../../shared/api/job.ts';
import type { JobSpec } from '../../../shared/api/job-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { StatefulSet } from '../../../shared/api/stateful-set.ts';
import { makePod } from '../scheduler/cluster.ts';
import { at, makeTemplate } from './objects.ts';

function meta(name: string) {
  const [uid, creationTimestamp] = [`uid of ${name}`, at(0)];
  return { name, namespace: 'default', uid, resourceVersion: '1', generation: 1, creationTimestamp };
}

const selector = { matchLabels: { app: 'web' } };

export function makeStatefulSet(
  spec: Partial<StatefulSet['spec']> = {},
  status: Partial<StatefulSet['status']> = {},
): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: meta('web'),
    spec: {
      replicas: 3,
      selector,
      template: makeTemplate(),
      serviceName: 'web',
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 } },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      ...spec,
    },
    status: { replicas: 0, availableReplicas: 0, ...status },
  };
}

export function makeDaemonSet(
  spec: Partial<DaemonSet['spec']> = {},
  status: Partial<DaemonSet['status']> = {},
): DaemonSet {
  const counts = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta('web'),
    spec: {
      selector,
      template: makeTemplate(),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
      ...spec,
    },
    status: { ...counts, ...status },
  };
}

export function makeJob(spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job {
  const { metadata, spec: pods } = makeTemplate();
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta('work'),
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      selector,
      template: { metadata, spec: { ...pods, restartPolicy: 'Never' } },
      ...spec,
    },
    status,
  };
}

export function makeCronJob(spec: Partial<CronJob['spec']> = {}, status: CronJob['status'] = {}): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: meta('tick'),
    spec: {
      schedule: '*/10 * * * *',
      concurrencyPolicy: 'Allow',
      suspend: false,
      jobTemplate: { metadata: {}, spec: makeJob().spec },
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      ...spec,
    },
    status,
  };
}

/** A revision as it is stored, of the template with that image. */
export function makeRevision(number: number, image: string): ControllerRevision {
  const template = makeTemplate(image);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { ...meta(`web-${image}`), labels: { app: 'web', 'controller-revision-hash': image } },
    data: { spec: { template: { ...template, $patch: 'replace' } } },
    revision: number,
  };
}

export interface WorkloadPodOptions {
  name: string;
  phase?: Pod['status']['phase'];
  /** Seconds after the start since when it is ready; absent: it is not. */
  readyAt?: number;
  isGoing?: boolean;
  /** Seconds that it has to end. */
  grace?: number;
  createdAt?: number;
  node?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  /** Of its one container, and when it ended. */
  exitCode?: number;
  endedAt?: number;
  waiting?: string;
  restarts?: number;
}

export function makeWorkloadPod(options: WorkloadPodOptions): Pod {
  const { name, phase = 'Running', readyAt, isGoing, grace = 30, createdAt = 0, node = 'pi-1', restarts = 0 } = options;
  const { labels, annotations, finalizers, exitCode, endedAt = 0, waiting } = options;
  const pod = makePod({ name, owner: 'uid of web' });
  const terminated = exitCode === undefined ? {} : { terminated: { exitCode, finishedAt: at(endedAt) } };
  const state = waiting === undefined ? terminated : { waiting: { reason: waiting } };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      creationTimestamp: at(createdAt),
      labels: { app: 'web', ...labels },
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(isGoing ? { deletionTimestamp: at(grace), deletionGracePeriodSeconds: grace } : {}),
    },
    spec: { ...pod.spec, ...(node === '' ? {} : { nodeName: node }) },
    status: {
      ...pod.status,
      phase,
      conditions: [
        { type: 'Ready', status: readyAt === undefined ? 'False' : 'True', lastTransitionTime: at(readyAt ?? 0) },
      ],
      containerStatuses: [
        {
          name: 'main',
          state,
          lastState: {},
          ready: readyAt !== undefined,
          restartCount: restarts,
          image: '',
          imageID: '',
        },
      ],
    },
  };
}
