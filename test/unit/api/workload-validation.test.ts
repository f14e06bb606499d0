/** Validation and defaults of StatefulSets, DaemonSets, Jobs and CronJobs, as tables. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CronJob, CronJobKind } from '../../../shared/api/cron-job.ts';
import { type DaemonSet, DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { type Job, JobKind } from '../../../shared/api/job.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { admit, stored } from './support.ts';

const labels = { app: 'web' };
const containers = [{ name: 'web', image: 'nginx:1' }];
const template = { metadata: { labels }, spec: { containers } };
const task = { metadata: { labels }, spec: { containers, restartPolicy: 'Never' as const } };
const selector = { matchLabels: labels };
const claim = (name: string) => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } },
});
const mounting = (...names: string[]) => ({
  metadata: { labels },
  spec: {
    containers: [
      { name: 'web', image: 'nginx:1', volumeMounts: names.map((name) => ({ name, mountPath: `/${name}` })) },
    ],
  },
});

type Spec<T extends { spec?: unknown }> = NonNullable<T['spec']>;

type Case<S> = [why: string, changes: S, complaints: string[]];

function run<S>(kind: string, complaintsOf: (changes: S) => string[], cases: Case<S>[]): void {
  describe(kind, () => {
    for (const [why, changes, expected] of cases) test(why, () => assert.deepEqual(complaintsOf(changes), expected));
  });
}

const RESTART_ALWAYS = 'Unsupported value: "Never": supported values: "Always"';

run<Spec<Draft<StatefulSet>>>(
  'StatefulSet',
  (changes) => admit(StatefulSetKind, { metadata: {}, spec: { ...{ selector, template }, ...changes } }).complaints,
  [
    ['sound', {}, []],
    ['a claim that is mounted', { template: mounting('data'), volumeClaimTemplates: [claim('data')] }, []],
    [
      'a volume that is not there',
      { template: mounting('data', 'log'), volumeClaimTemplates: [claim('data')] },
      ['spec.template.spec.containers[0].volumeMounts[1].name: Not found: "log"'],
    ],
    [
      'two claims of one name',
      { volumeClaimTemplates: [claim('data'), claim('data')] },
      ['spec.volumeClaimTemplates[1].metadata.name: Duplicate value: "data"'],
    ],
    ['pods that end', { template: task }, [`spec.template.spec.restartPolicy: ${RESTART_ALWAYS}`]],
    [
      'nobody may be missing',
      { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
      ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0'],
    ],
    [
      'a negative partition',
      { updateStrategy: { rollingUpdate: { partition: -1 } } },
      ['spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'numbers below zero',
      { replicas: -1, ordinals: { start: -2 } },
      [
        'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        'spec.ordinals.start: Invalid value: -2: must be greater than or equal to 0',
      ],
    ],
  ],
);

run<Spec<Draft<DaemonSet>>>(
  'DaemonSet',
  (changes) => admit(DaemonSetKind, { metadata: {}, spec: { ...{ selector, template }, ...changes } }).complaints,
  [
    ['sound', {}, []],
    ['surge', { updateStrategy: { rollingUpdate: { maxSurge: '50%', maxUnavailable: 0 } } }, []],
    [
      'surge and gaps',
      { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
      ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when `maxUnavailable` is not 0'],
    ],
    [
      'neither',
      { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
      ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when `maxSurge` is 0'],
    ],
    ['pods that end', { template: task }, [`spec.template.spec.restartPolicy: ${RESTART_ALWAYS}`]],
    [
      'a selector that chooses others',
      { selector: { matchLabels: { app: 'db' } } },
      ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ],
  ],
);

const ownSelector = { manualSelector: true, selector };

run<Spec<Draft<Job>>>(
  'Job',
  (changes) => admit(JobKind, { metadata: {}, spec: { ...{ ...ownSelector, template: task }, ...changes } }).complaints,
  [
    ['sound', {}, []],
    ['indexed', { completionMode: 'Indexed', completions: 3, backoffLimitPerIndex: 1, maxFailedIndexes: 1 }, []],
    [
      'limits of indexes without indexes',
      { backoffLimitPerIndex: 1 },
      ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
    ],
    [
      'indexed without an end',
      { completionMode: 'Indexed', parallelism: 2 },
      ['spec.completions: Required value: when completion mode is Indexed'],
    ],
    [
      'pods for ever',
      { template },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'a policy for pods that restart',
      {
        template: { metadata: { labels }, spec: { containers, restartPolicy: 'OnFailure' } },
        podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] },
      },
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    ],
    [
      'rules',
      {
        podFailurePolicy: {
          rules: [
            { action: 'FailIndex', onExitCodes: { operator: 'In', values: [2, 1] } },
            { action: 'Ignore' },
            { action: 'Count', onExitCodes: { operator: 'In', values: [0] } },
          ],
        },
      },
      [
        'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires `backoffLimitPerIndex`',
        'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,1]: must be ordered',
        'spec.podFailurePolicy.rules[1]: Invalid value: {"action":"Ignore"}: one of onExitCodes and onPodConditions is required',
        'spec.podFailurePolicy.rules[2].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      ],
    ],
    [
      'success of indexes that are not there',
      {
        completionMode: 'Indexed',
        completions: 3,
        successPolicy: { rules: [{ succeededIndexes: '0,3' }, {}] },
      },
      [
        'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,3": must be below `completions` (3)',
        'spec.successPolicy.rules[1]: Required value: at least one of succeededIndexes and succeededCount is required',
      ],
    ],
  ],
);

const jobTemplate = { spec: { template: task } };

run<Spec<Draft<CronJob>>>(
  'CronJob',
  (changes) =>
    admit(CronJobKind, { metadata: {}, spec: { ...{ schedule: '*/5 * * * *', jobTemplate }, ...changes } }).complaints,
  [
    ['sound', {}, []],
    ['a word and a zone', { schedule: '@daily', timeZone: 'Europe/Berlin' }, []],
    ['an empty schedule', { schedule: '' }, ['spec.schedule: Required value']],
    [
      'the zone in the schedule',
      { schedule: 'TZ=UTC * * * * *' },
      [
        'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
    ],
    ['an empty zone', { timeZone: '' }, ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']],
    [
      'a selector in the template',
      { jobTemplate: { spec: { template: task, selector, manualSelector: true } } },
      [
        'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"app":"web"}}: `selector` will be auto-generated',
        'spec.jobTemplate.spec.manualSelector: Forbidden: a template has no selector',
      ],
    ],
  ],
);

test('names of cron jobs leave room for their jobs', () => {
  const spec = { schedule: '@daily', jobTemplate };
  const { complaints } = admit(CronJobKind, { metadata: { name: 'a'.repeat(53) }, spec });
  assert.match(complaints.join(), /^metadata.name: .*: must be no more than 52 characters$/);
  assert.deepEqual(admit(CronJobKind, { metadata: { name: 'a'.repeat(52) }, spec }).complaints, []);
});

test('what cannot change', () => {
  const set = stored(StatefulSetKind, { metadata: {}, spec: { selector, template } });
  const renamed = { ...set, spec: { ...set.spec, serviceName: 'other' } };
  assert.match(
    StatefulSetKind.validate?.(renamed, set)[0]?.message ?? '',
    /^Forbidden: updates to statefulset spec for/,
  );
  const bigger = { ...set, spec: { ...set.spec, replicas: 5, minReadySeconds: 3 } };
  assert.deepEqual(StatefulSetKind.validate?.(bigger, set), []);
  const job = stored(JobKind, { metadata: {}, spec: { ...ownSelector, template: task } });
  const fields = (spec: Partial<Job['spec']>): string[] =>
    (JobKind.validate?.({ ...job, spec: { ...job.spec, ...spec } }, job) ?? []).map(({ field }) => field);
  assert.deepEqual(fields({ parallelism: 4, suspend: true, ttlSecondsAfterFinished: 5, activeDeadlineSeconds: 9 }), []);
  assert.deepEqual(fields({ completions: 4 }), ['spec.completions']);
  assert.deepEqual(fields({ completionMode: 'Indexed' }), ['spec.completionMode']);
});

test('defaults', () => {
  const { spec: set } = stored(StatefulSetKind, { metadata: {}, spec: { selector, template } });
  assert.deepEqual(
    [set.replicas, set.podManagementPolicy, set.revisionHistoryLimit, set.updateStrategy],
    [1, 'OrderedReady', 10, { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 } }],
  );
  assert.deepEqual(set.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
  const { spec: daemon } = stored(DaemonSetKind, { metadata: {}, spec: { selector, template } });
  assert.deepEqual(daemon.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } });
  const { spec: job, metadata } = stored(JobKind, { metadata: {}, spec: { ...ownSelector, template: task } });
  assert.deepEqual(
    [job.parallelism, job.completions, job.backoffLimit, job.completionMode, job.suspend, job.podReplacementPolicy],
    [1, 1, 6, 'NonIndexed', false, 'TerminatingOrFailed'],
  );
  assert.deepEqual(metadata.labels, labels);
  const { spec: queue } = stored(JobKind, { metadata: {}, spec: { ...ownSelector, template: task, parallelism: 2 } });
  assert.equal(queue.completions, undefined);
  const { spec: cron } = stored(CronJobKind, { metadata: {}, spec: { schedule: '@daily', jobTemplate } });
  assert.deepEqual(
    [cron.concurrencyPolicy, cron.suspend, cron.successfulJobsHistoryLimit, cron.failedJobsHistoryLimit],
    ['Allow', false, 3, 1],
  );
  assert.equal(cron.jobTemplate.spec.parallelism, undefined);
});
