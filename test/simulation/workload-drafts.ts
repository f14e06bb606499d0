/** StatefulSets, DaemonSets, Jobs and CronJobs as simulated users write them, with choices from the seed. */
import type { CronJob } from '../../shared/api/cron-job.ts';
import type { DaemonSet } from '../../shared/api/daemon-set.ts';
import type { Job } from '../../shared/api/job.ts';
import type { StatefulSet } from '../../shared/api/stateful-set.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import type { Draft } from '../../shared/schema/object-meta.ts';
import { FATAL_EXIT_CODE, TASK_IMAGES } from './task-plans.ts';

const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'];

/** Little enough that everything that users can ask for fits two boards. */
const RESOURCES = { requests: { cpu: '40m', memory: '16Mi' } };

function podsOf(name: string, image: string) {
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 2, containers: [{ name: 'main', image, resources: RESOURCES }] },
  };
}

export function renderStatefulSet(name: string, random: Random): Draft<StatefulSet> {
  const policies = ['Retain', 'Delete'] as const;
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: nextInt(random, 4),
      serviceName: name,
      selector: { matchLabels: { app: name } },
      podManagementPolicy: oneOf(['OrderedReady', 'Parallel'] as const, random),
      template: podsOf(name, 'app:1'),
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: oneOf(policies, random),
        whenScaled: oneOf(policies, random),
      },
      ...(name === 'db' ? { volumeClaimTemplates: [CLAIM] } : {}),
    },
  };
}

const CLAIM = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Mi' } } },
};

export function renderDaemonSet(name: string, random: Random): Draft<DaemonSet> {
  const maxSurge = nextInt(random, 2);
  const template = podsOf(name, 'app:1');
  const nodeSelector = nextInt(random, 2) === 0 ? { zone: oneOf(['a', 'b'], random) } : {};
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: name } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable: 1 - maxSurge } },
      template: { ...template, spec: { ...template.spec, nodeSelector } },
    },
  };
}

export function renderJob(name: string, random: Random): Draft<Job> {
  return { metadata: { name, namespace: 'default' }, spec: renderJobSpec(name, random) };
}

function renderJobSpec(name: string, random: Random): NonNullable<Draft<Job>['spec']> {
  const isIndexed = nextInt(random, 2) === 0;
  const hasPolicy = nextInt(random, 4) === 0;
  const restartPolicy = hasPolicy ? 'Never' : oneOf(['Never', 'OnFailure'] as const, random);
  const template = podsOf(name, oneOf(TASK_IMAGES, random));
  return {
    parallelism: 1 + nextInt(random, 3),
    completions: 1 + nextInt(random, 4),
    completionMode: isIndexed ? 'Indexed' : 'NonIndexed',
    suspend: nextInt(random, 6) === 0,
    template: { ...template, spec: { ...template.spec, restartPolicy } },
    ...(isIndexed && restartPolicy === 'Never' && nextInt(random, 2) === 0
      ? { backoffLimitPerIndex: nextInt(random, 2) }
      : { backoffLimit: nextInt(random, 3) }),
    ...(nextInt(random, 4) === 0 ? { activeDeadlineSeconds: 30 + nextInt(random, 120) } : {}),
    ...(nextInt(random, 3) === 0 ? { ttlSecondsAfterFinished: nextInt(random, 90) } : {}),
    ...(hasPolicy ? { podFailurePolicy: POLICY } : {}),
    ...(!hasPolicy && nextInt(random, 3) === 0 ? { podReplacementPolicy: 'Failed' as const } : {}),
    ...(isIndexed && nextInt(random, 3) === 0 ? { successPolicy: { rules: [{ succeededCount: 1 }] } } : {}),
  };
}

const POLICY: NonNullable<NonNullable<Draft<Job>['spec']>['podFailurePolicy']> = {
  rules: [
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [FATAL_EXIT_CODE] } },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  ],
};

export function renderCronJob(name: string, random: Random): Draft<CronJob> {
  const template = podsOf(name, 'task:good');
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      schedule: oneOf(['* * * * *', '*/2 * * * *', '@hourly'], random),
      concurrencyPolicy: oneOf(['Allow', 'Forbid', 'Replace'] as const, random),
      successfulJobsHistoryLimit: nextInt(random, 2),
      failedJobsHistoryLimit: nextInt(random, 2),
      jobTemplate: {
        spec: { backoffLimit: 1, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
      },
      ...(nextInt(random, 2) === 0 ? { timeZone: oneOf(ZONES, random) } : {}),
      ...(nextInt(random, 3) === 0 ? { startingDeadlineSeconds: 20 + nextInt(random, 100) } : {}),
    },
  };
}

function oneOf<T>(items: readonly T[], random: Random): T {
  const item = items[nextInt(random, items.length)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}
