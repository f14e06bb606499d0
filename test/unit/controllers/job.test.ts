/** Plans of Jobs: what is counted, when it is over, which pods are made and which given up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeJobPlan, type JobAction } from '../../../master/controllers/job/plan.ts';
import {
  COMPLETION_INDEX,
  FAILURE_COUNT,
  IGNORED_FAILURE_COUNT,
  TRACKING_FINALIZER,
} from '../../../master/controllers/job/pod-facts.ts';
import { renderPod } from '../../../master/controllers/job/render-pod.ts';
import type { JobStatus } from '../../../shared/api/job.ts';
import type { JobSpec } from '../../../shared/api/job-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { at, START_MS } from './objects.ts';
import { makeJob, makeWorkloadPod, type WorkloadPodOptions } from './workload-objects.ts';

const NOW_MS = START_MS + 60_000;

interface PodOptions extends Partial<WorkloadPodOptions> {
  index?: number;
  failures?: number;
  /** The finalizer has been taken off. */
  isReleased?: boolean;
}

function pod(name: string, { index, failures, isReleased, ...options }: PodOptions = {}): Pod {
  const annotations = {
    ...(index === undefined ? {} : { [COMPLETION_INDEX]: String(index) }),
    ...(failures === undefined ? {} : { [FAILURE_COUNT]: String(failures) }),
  };
  const finalizers = isReleased ? {} : { finalizers: [TRACKING_FINALIZER] };
  return makeWorkloadPod({ name, annotations, ...finalizers, ...options });
}

const ok = (name: string, options: PodOptions = {}) => pod(name, { phase: 'Succeeded', exitCode: 0, ...options });
const bad = (name: string, options: PodOptions = {}) => pod(name, { phase: 'Failed', exitCode: 1, ...options });

interface Input {
  spec?: Partial<JobSpec>;
  status?: JobStatus;
  pods?: Pod[];
  isUpToDate?: boolean;
  /** How long the ends of pods have been known. */
  seenForMs?: number;
}

function plan({ spec, status = { startTime: at(0) }, pods = [], isUpToDate = true, seenForMs = 0 }: Input) {
  const job = makeJob(spec, status);
  return computeJobPlan({ job, pods, nowMs: NOW_MS, seenForMs: () => seenForMs, isUpToDate });
}

/** `+` makes a pod, `-x` gives x up, `~x` takes its finalizer off. */
function steps(input: Input): string {
  return plan(input).actions.flatMap(brief).join(' ');
}

function brief(action: JobAction): string[] {
  switch (action.type) {
    case 'createPods':
      return action.wishes.map(({ index, failures }) =>
        ['+', index, failures && `(${failures.counted},${failures.ignored})`]
          .filter((part) => part !== undefined)
          .join(''),
      );
    case 'deletePods':
      return action.pods.map(({ metadata }) => `-${metadata.name}`);
    case 'releasePods':
      return action.pods.map(({ metadata }) => `~${metadata.name}`);
    case 'deleteJob':
      return ['delete'];
    case 'updateStatus':
    case 'tell':
      return [];
  }
}

function statusOf(input: Input): JobStatus {
  const update = plan(input).actions.find(({ type }) => type === 'updateStatus');
  return update?.type === 'updateStatus' ? update.status : {};
}

const indexed = (spec: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  completionMode: 'Indexed',
  completions: 3,
  parallelism: 2,
  ...spec,
});
const perIndex = indexed({ backoffLimitPerIndex: 1 });
const three = { completions: 3, parallelism: 2 };
const ignoring: Partial<JobSpec> = {
  podReplacementPolicy: 'Failed',
  podFailurePolicy: {
    rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [7] }, onPodConditions: [] }],
  },
};
const done = { conditions: [{ type: 'Complete', status: 'True' as const, lastTransitionTime: at(30) }] };

const cases: [why: string, input: Input, steps: string][] = [
  ['nothing there', { spec: three }, '+ +'],
  ['pods that were made have not been seen', { spec: three, isUpToDate: false }, ''],
  ['no more than parallelism', { spec: three, pods: [pod('a'), pod('b')] }, ''],
  ['one has succeeded', { spec: three, pods: [ok('a'), pod('b')] }, '~a +'],
  ['no more than are missing', { spec: three, status: { succeeded: 2 }, pods: [pod('b')] }, ''],
  ['too many run', { spec: { ...three, parallelism: 1 }, pods: [pod('a', { readyAt: 1 }), pod('b')] }, '-b'],
  ['it rests', { spec: { ...three, suspend: true }, pods: [pod('a')] }, '-a'],
  ['a queue: as many as parallelism', { spec: { completions: undefined, parallelism: 3 }, pods: [pod('a')] }, '+ +'],
  ['a queue that is empty', { spec: { completions: undefined, parallelism: 3 }, pods: [pod('a'), ok('b')] }, '~b'],
  ['a failure: it waits', { pods: [bad('a', { endedAt: 55 })] }, '~a'],
  ['a failure long ago', { pods: [bad('a', { endedAt: 45 })] }, '~a +'],
  ['a failure in the future: the clock was wrong', { pods: [bad('a', { endedAt: 9_999 })], seenForMs: 9_999 }, '~a'],
  ['it does not wait for that time', { pods: [bad('a', { endedAt: 9_999 })], seenForMs: 10_000 }, '~a +'],
  ['two failures wait longer', { pods: [bad('a', { endedAt: 10 }), bad('b', { endedAt: 45 })] }, '~a ~b'],
  [
    'a success ends the waiting',
    { spec: three, pods: [bad('a', { endedAt: 50 }), ok('b', { endedAt: 58 })] },
    '~a ~b + +',
  ],
  ['a pod that leaves is replaced', { pods: [pod('a', { isGoing: true })] }, '~a +'],
  ['or when it has ended', { spec: { podReplacementPolicy: 'Failed' }, pods: [pod('a', { isGoing: true })] }, ''],
  ['each index once', { spec: indexed(), pods: [pod('a', { index: 1 })] }, '+0'],
  [
    'an index that has succeeded',
    { spec: indexed(), status: { completedIndexes: '0' }, pods: [pod('a', { index: 2 })] },
    '+1',
  ],
  ['two of an index', { spec: indexed(), pods: [pod('a', { index: 0, readyAt: 1 }), pod('b', { index: 0 })] }, '-b'],
  [
    'of an index that has succeeded',
    { spec: indexed(), status: { completedIndexes: '0' }, pods: [pod('a', { index: 0 }), pod('b', { index: 1 })] },
    '-a',
  ],
  ['an index that is not wanted', { spec: indexed(), pods: [pod('a', { index: 5 })] }, '-a'],
  [
    'an index is tried again and remembers',
    { spec: perIndex, pods: [bad('a', { index: 0, endedAt: 40 }), pod('b', { index: 1 })] },
    '+0(1,0)',
  ],
  [
    'an index waits alone',
    { spec: perIndex, pods: [bad('a', { index: 0, endedAt: 55 }), pod('b', { index: 1 })] },
    '+2(0,0)',
  ],
  [
    'an index that has failed for good',
    { spec: perIndex, pods: [bad('a', { index: 0, failures: 1, endedAt: 55 }), pod('b', { index: 1 })] },
    '~a +2(0,0)',
  ],
  ['over: what runs goes', { spec: { backoffLimit: 0 }, pods: [bad('a'), pod('b')] }, '~a -b'],
  ['finished: it stays', { status: done }, ''],
  ['finished, and its time is over', { spec: { ttlSecondsAfterFinished: 30 }, status: done }, 'delete'],
  ['finished, and its time is not over', { spec: { ttlSecondsAfterFinished: 31 }, status: done }, ''],
  ['finished: finalizers go', { status: done, pods: [ok('a')] }, '~a'],
];

describe('steps', () => {
  for (const [why, input, expected] of cases) {
    test(`${why}: ${expected || 'none'}`, () => assert.equal(steps(input), expected));
  }
});

test('an end is counted in two steps, and once whatever is lost between them', () => {
  const [a, b] = [ok('a'), bad('b')];
  const first = statusOf({ spec: three, pods: [a, b] });
  assert.deepEqual([first.succeeded, first.failed], [undefined, undefined]);
  assert.deepEqual(first.uncountedTerminatedPods, { succeeded: [a.metadata.uid], failed: [b.metadata.uid] });
  // The status was stored, the finalizers were not taken off: nothing is counted twice.
  const again = statusOf({ spec: three, status: first, pods: [a, b] });
  assert.deepEqual(again, {});
  // One of them is free, the other one gone.
  const second = statusOf({ spec: three, status: first, pods: [ok('a', { isReleased: true })] });
  assert.deepEqual([second.succeeded, second.failed, second.uncountedTerminatedPods], [1, 1, {}]);
  const third = statusOf({ spec: three, status: second, pods: [ok('a', { isReleased: true })] });
  assert.deepEqual(third, {});
});

describe('a pod that was deleted and taken for failed, and turns out to have succeeded', () => {
  const gone = pod('a', { index: 0, isGoing: true });
  const well = ok('a', { index: 0, isGoing: true });
  const waiting = { startTime: at(0), uncountedTerminatedPods: { failed: [gone.metadata.uid] } };

  test('is no failure: its index is done, and not started again', () => {
    const status = statusOf({ spec: perIndex, pods: [gone] });
    assert.deepEqual(status.uncountedTerminatedPods, waiting.uncountedTerminatedPods);
    const input = { spec: perIndex, status, pods: [well, pod('b', { index: 1 })] };
    assert.equal(steps(input), '~a +2(0,0)');
    const { completedIndexes, uncountedTerminatedPods, failed } = statusOf(input);
    assert.deepEqual([completedIndexes, uncountedTerminatedPods, failed], ['0', {}, undefined]);
  });

  test('is a success of a job without indexes', () => {
    const { uncountedTerminatedPods } = statusOf({ spec: three, status: waiting, pods: [well] });
    assert.deepEqual(uncountedTerminatedPods, { succeeded: [well.metadata.uid] });
  });

  test('stays a failure when its index has been told to have failed', () => {
    const input = { spec: perIndex, status: { ...waiting, failedIndexes: '0' }, pods: [well] };
    const { completedIndexes, uncountedTerminatedPods } = statusOf(input);
    assert.deepEqual([completedIndexes, uncountedTerminatedPods], [undefined, waiting.uncountedTerminatedPods]);
    assert.equal(steps(input), '~a +1(0,0) +2(0,0)');
  });
});

type Outcome = [why: string, input: Input, outcome: string];

const outcomes: Outcome[] = [
  [
    'enough',
    { pods: [ok('a', { isReleased: true })], status: { succeeded: 1, startTime: at(0) } },
    'SuccessCriteriaMet CompletionsReached, Complete CompletionsReached',
  ],
  ['enough, and not counted yet', { pods: [ok('a')] }, 'SuccessCriteriaMet CompletionsReached'],
  ['too many failures', { spec: { backoffLimit: 0 }, pods: [bad('a')] }, 'FailureTarget BackoffLimitExceeded'],
  [
    'restarts are failures',
    { spec: { backoffLimit: 2, template: restarting() }, pods: [pod('a', { restarts: 2 })] },
    'FailureTarget BackoffLimitExceeded',
  ],
  ['too late', { spec: { activeDeadlineSeconds: 60 }, pods: [pod('a')] }, 'FailureTarget DeadlineExceeded'],
  ['not too late', { spec: { activeDeadlineSeconds: 61 }, pods: [pod('a')] }, ''],
  ['too late, but it rests', { spec: { activeDeadlineSeconds: 60, suspend: true } }, 'Suspended JobSuspended'],
  [
    'the policy ends it',
    {
      spec: { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [2] } }] } },
      pods: [bad('a')],
    },
    'FailureTarget PodFailurePolicy',
  ],
  ['the policy ignores it', { spec: { ...ignoring, backoffLimit: 0 }, pods: [bad('a', { exitCode: 7 })] }, ''],
  [
    'an index has failed, others go on',
    { spec: perIndex, pods: [bad('a', { index: 0, failures: 1 }), pod('b', { index: 1 })] },
    '',
  ],
  [
    'an index has failed, the others are done',
    {
      spec: perIndex,
      status: { startTime: at(0), completedIndexes: '1-2' },
      pods: [bad('a', { index: 0, failures: 1 })],
    },
    'FailureTarget FailedIndexes',
  ],
  [
    'too many indexes have failed',
    { spec: { ...perIndex, maxFailedIndexes: 0 }, pods: [bad('a', { index: 0, failures: 1 })] },
    'FailureTarget MaxFailedIndexesExceeded',
  ],
  [
    'one index is enough',
    {
      spec: indexed({ successPolicy: { rules: [{ succeededIndexes: '2' }] } }),
      pods: [ok('a', { index: 2 }), pod('b', { index: 0 })],
    },
    'SuccessCriteriaMet SuccessPolicy',
  ],
];

function restarting(): JobSpec['template'] {
  const { template } = makeJob().spec;
  return { ...template, spec: { ...template.spec, restartPolicy: 'OnFailure' } };
}

describe('outcomes', () => {
  for (const [why, input, expected] of outcomes) {
    test(`${why}: ${expected || 'none'}`, () => {
      const conditions = statusOf(input).conditions ?? [];
      assert.equal(conditions.map(({ type, reason }) => `${type} ${reason}`).join(', '), expected);
    });
  }
});

test('a job that goes on after a rest begins anew', () => {
  const rested = statusOf({ spec: { suspend: true, activeDeadlineSeconds: 10 } });
  assert.equal(rested.startTime, undefined);
  const resumed = statusOf({ spec: { activeDeadlineSeconds: 10 }, status: rested });
  assert.equal(resumed.startTime, at(60));
  assert.equal(getCondition(resumed.conditions, 'Suspended')?.status, 'False');
  assert.equal(plan({ spec: { activeDeadlineSeconds: 10 }, status: resumed }).requeueAfterMs, 10_000);
});

test('a pod of an index knows it', () => {
  const { metadata, spec } = renderPod(makeJob(indexed()), { index: 1, failures: { counted: 1, ignored: 2 } });
  assert.equal(metadata.generateName, 'work-1-');
  assert.equal(spec?.hostname, 'work-1');
  assert.deepEqual(metadata.annotations, {
    [COMPLETION_INDEX]: '1',
    [FAILURE_COUNT]: '1',
    [IGNORED_FAILURE_COUNT]: '2',
  });
  assert.equal(metadata.labels?.[COMPLETION_INDEX], '1');
  assert.deepEqual(metadata.finalizers, [TRACKING_FINALIZER]);
  assert.equal(spec?.containers?.[0]?.env?.at(-1)?.name, 'JOB_COMPLETION_INDEX');
});
