/** What to do next for a pod, as a table: what is there on the left, the steps on the right. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { computePodActions, computeVanishedActions } from '../../../../node-agent/kubelet/pod/compute-pod-actions.ts';
import type { PodAction } from '../../../../node-agent/kubelet/pod/pod-actions.ts';
import { container, ended, NOW_MS, pod, run, sandbox, type ViewOver, view } from './builders.ts';

/** `run-sandbox 0`, `create-container main 1 crashes 2`, `stop-container main-0 grace 30`. */
function words(action: PodAction): string {
  switch (action.type) {
    case 'run-sandbox':
      return `run-sandbox ${action.attempt}`;
    case 'create-container':
      return `create ${action.container} ${action.attempt} crashes ${action.crashes}`;
    case 'stop-container':
      return `stop ${action.id} grace ${action.graceSeconds}`;
    case 'ensure-image':
      return `ensure-image ${action.container} ${action.attempt}`;
    case 'start-container':
      return `start ${action.id}`;
    case 'remove-sandbox':
    case 'remove-container':
      return `${action.type} ${action.id}`;
    default:
      return action.type;
  }
}

const two = pod({ spec: { containers: [container('main'), container('side')] } });
const never = pod({ spec: { restartPolicy: 'Never' } });
const onFailure = pod({ spec: { restartPolicy: 'OnFailure' } });
const withInit = pod({ spec: { initContainers: [container('prepare'), container('migrate')] } });
const sidecar = container('proxy', { restartPolicy: 'Always' });
const withSidecar = pod({ spec: { initContainers: [sidecar, container('migrate')] } });
const deleted = pod({
  metadata: { deletionTimestamp: '2026-01-01T01:00:00Z', deletionGracePeriodSeconds: 7 },
});
const deletedWithSidecar = pod({ metadata: deleted.metadata, spec: { initContainers: [sidecar] } });
const overDeadline = pod({
  spec: { activeDeadlineSeconds: 60 },
  status: { phase: 'Running', startTime: '2026-01-01T00:58:00Z' },
});

const ready = { sandboxes: [sandbox()] };
const noImage = { image: () => undefined };
const oldSandbox = { sandboxes: [sandbox({ state: 'not-ready', ip: '' })] };

const TABLE: [string, ViewOver, string[], number?][] = [
  ['a new pod gets a sandbox', {}, ['run-sandbox 0']],
  ['not before its volumes are there', { volumesReady: false }, []],
  ['but while answers for them are on their way', { volumesReady: false, volumesComing: true }, ['run-sandbox 0']],
  ['its containers wait for them', { ...ready, volumesReady: false, volumesComing: true }, []],
  [
    'images are looked for meanwhile',
    { pod: two, ...noImage },
    ['ensure-image main 0', 'ensure-image side 0', 'run-sandbox 0'],
  ],
  ['those of the first init container', { pod: withInit, ...noImage }, ['ensure-image prepare 0', 'run-sandbox 0']],
  ['but not of what does not run again', { pod: onFailure, ...noImage, containers: [ended('main', 0)] }, []],
  ['an image is looked for before its container', { ...ready, ...noImage }, ['ensure-image main 0']],
  ['all containers are begun at once', { ...ready, pod: two }, ['create main 0 crashes 0', 'create side 0 crashes 0']],
  ['a pull under way is waited for', { ...ready, image: () => ({ type: 'pulling' }) }, []],
  [
    'a failed pull is tried again later',
    { ...ready, image: () => ({ type: 'failed', reason: 'ErrImagePull', message: '', retryInMs: 900 }) },
    [],
    900,
  ],
  [
    'and then looked for anew',
    { ...ready, image: () => ({ type: 'failed', reason: 'ErrImagePull', message: '', retryInMs: 0 }) },
    ['ensure-image main 0'],
  ],
  [
    'a container that could not be made waits',
    { ...ready, startProblem: () => ({ reason: 'CreateContainerConfigError', message: '', retryInMs: 500 }) },
    [],
    500,
  ],
  [
    'what was made and not started is started',
    { ...ready, containers: [run('main', { state: 'created' })] },
    ['start main-0'],
  ],
  ['what runs is left alone', { ...ready, containers: [run('main')] }, []],
  [
    'another image means another container',
    { ...ready, containers: [run('main', { hash: 'old' })] },
    ['stop main-0 grace 30'],
  ],
  [
    'that stop is not repeated',
    { ...ready, containers: [run('main', { hash: 'old' })], stoppingGraceSeconds: () => 30 },
    [],
  ],
  ['a first crash restarts at once', { ...ready, containers: [ended('main', 1)] }, ['create main 1 crashes 1']],
  [
    'a second one after ten seconds',
    { ...ready, containers: [ended('main', 1, { attempt: 1, crashes: 1, agoMs: 4_000 })] },
    [],
    6_000,
  ],
  [
    'when they are over',
    { ...ready, containers: [ended('main', 1, { attempt: 1, crashes: 1, agoMs: 10_000 })] },
    ['create main 2 crashes 2'],
  ],
  ['an end with success restarts too', { ...ready, containers: [ended('main', 0)] }, ['create main 1 crashes 1']],
  ['OnFailure: not after success', { ...ready, pod: onFailure, containers: [ended('main', 0)] }, ['remove-sandbox s0']],
  [
    'OnFailure: after failure',
    { ...ready, pod: onFailure, containers: [ended('main', 2)] },
    ['create main 1 crashes 1'],
  ],
  ['Never: not at all', { ...ready, pod: never, containers: [ended('main', 2)] }, ['remove-sandbox s0']],
  ['Never: no new sandbox once begun', { pod: never, containers: [ended('main', 2)] }, []],
  [
    'only the run before the latest is kept',
    { ...ready, containers: [ended('main', 1), ended('main', 1, { attempt: 1 }), run('main', { attempt: 2 })] },
    ['remove-container main-0'],
  ],
  [
    'runs of unknown containers go',
    { ...ready, containers: [run('main'), ended('gone', 0)] },
    ['remove-container gone-0'],
  ],
  [
    'an old run that somebody started is stopped first',
    { ...ready, containers: [run('main'), ended('main', 1, { attempt: 1 })] },
    ['stop main-0 grace 30'],
  ],
  ['init containers come one by one', { ...ready, pod: withInit }, ['create prepare 0 crashes 0']],
  ['a running one is waited for', { ...ready, pod: withInit, containers: [run('prepare')] }, []],
  ['then the next', { ...ready, pod: withInit, containers: [ended('prepare', 0)] }, ['create migrate 0 crashes 0']],
  [
    'a failed one runs again',
    { ...ready, pod: withInit, containers: [ended('prepare', 1)] },
    ['create prepare 1 crashes 1'],
  ],
  [
    'then the containers',
    { ...ready, pod: withInit, containers: [ended('prepare', 0), ended('migrate', 0)] },
    ['create main 0 crashes 0'],
  ],
  ['initialization happens once', { ...ready, pod: withInit, containers: [run('main')] }, []],
  [
    'Never: a failed init container fails the pod',
    {
      ...ready,
      pod: pod({ spec: { restartPolicy: 'Never', initContainers: [container('prepare')] } }),
      containers: [ended('prepare', 1)],
    },
    ['remove-sandbox s0'],
  ],
  [
    'a sidecar lets the next begin while it runs',
    { ...ready, pod: withSidecar, containers: [run('proxy')] },
    ['create migrate 0 crashes 0'],
  ],
  [
    'a sidecar that has ended comes back beside its pod',
    { ...ready, pod: withSidecar, containers: [ended('proxy', 0), ended('migrate', 0), run('main')] },
    ['create proxy 1 crashes 1'],
  ],
  [
    'a sandbox that died takes its containers along',
    { ...oldSandbox, containers: [run('main')] },
    ['stop main-0 grace 30'],
  ],
  ['then it is made anew', { ...oldSandbox, containers: [ended('main', 137)] }, ['remove-sandbox s0', 'run-sandbox 1']],
  [
    'what the old sandbox took down starts at once',
    {
      sandboxes: [sandbox({ id: 's1', attempt: 1 })],
      containers: [ended('main', 137, { attempt: 4, crashes: 5 })],
    },
    ['create main 5 crashes 5'],
  ],
  [
    'init containers run again in a new sandbox',
    {
      pod: withInit,
      sandboxes: [sandbox({ id: 's1', attempt: 1 })],
      containers: [ended('prepare', 0), ended('migrate', 0), ended('main', 137)],
    },
    ['create prepare 1 crashes 0'],
  ],
  [
    'a forgotten sandbox goes',
    { sandboxes: [sandbox({ id: 'old' }), sandbox({ id: 's0', attempt: 1 })], containers: [run('main')] },
    ['remove-sandbox old'],
  ],
  [
    'runs that the runtime forgot still count',
    {
      ...ready,
      pod: pod({
        status: {
          containerStatuses: [
            {
              name: 'main',
              state: {},
              lastState: {},
              ready: false,
              restartCount: 4,
              image: '',
              imageID: '',
              containerID: 'docker://x',
            },
          ],
        },
      }),
    },
    ['create main 5 crashes 0'],
  ],
  [
    'deleted: containers end with their grace',
    { ...ready, pod: deleted, containers: [run('main')] },
    ['stop main-0 grace 7'],
  ],
  [
    'a stop under way is not repeated',
    { ...ready, pod: deleted, containers: [run('main')], stoppingGraceSeconds: () => 7 },
    [],
  ],
  [
    'but shortened',
    { ...ready, pod: deleted, containers: [run('main')], stoppingGraceSeconds: () => 30 },
    ['stop main-0 grace 7'],
  ],
  [
    'sidecars end last',
    { ...ready, pod: deletedWithSidecar, containers: [run('main'), run('proxy')] },
    ['stop main-0 grace 7'],
  ],
  [
    'when nobody needs them',
    { ...ready, pod: deletedWithSidecar, containers: [ended('main', 0), run('proxy')] },
    ['stop proxy-0 grace 7'],
  ],
  ['then the sandbox goes', { ...ready, pod: deleted, containers: [ended('main', 0)] }, ['remove-sandbox s0']],
  [
    'then everything, and the API hears of it',
    { pod: deleted, containers: [ended('main', 0)] },
    ['remove-container main-0', 'remove-files', 'finish-deletion'],
  ],
  ['deleted before it began', { pod: deleted }, ['remove-files', 'finish-deletion']],
  ['over its deadline: ended', { ...ready, pod: overDeadline, containers: [run('main')] }, ['stop main-0 grace 30']],
  ['its containers stay for their logs', { pod: overDeadline, containers: [ended('main', 143)] }, []],
  [
    'before its deadline: looked at in time',
    {
      ...ready,
      pod: pod({
        spec: { activeDeadlineSeconds: 60 },
        status: { phase: 'Running', startTime: '2026-01-01T00:59:30Z' },
      }),
      containers: [run('main')],
    },
    [],
    30_000,
  ],
  [
    'what the API calls over never starts',
    { ...ready, pod: pod({ status: { phase: 'Failed' } }), containers: [ended('main', 1)] },
    ['remove-sandbox s0'],
  ],
  [
    'a failed liveness probe stops the container',
    {
      ...ready,
      containers: [run('main')],
      probes: { isStarted: () => true, isReady: () => false, failure: () => ({ message: 'x', graceSeconds: 3 }) },
    },
    ['stop main-0 grace 3'],
  ],
];

describe('computePodActions', () => {
  for (const [name, over, expected, lookAgainMs] of TABLE) {
    it(name, () => {
      const plan = computePodActions(view(over));
      assert.deepEqual(plan.actions.map(words), expected);
      assert.equal(plan.lookAgainMs, lookAgainMs);
    });
  }

  it('ends what the API does not know', () => {
    const steps = (over: ViewOver): string[] =>
      computeVanishedActions(view(over).observed, () => undefined).actions.map(words);
    assert.deepEqual(steps({ ...ready, containers: [run('main')] }), ['stop main-0 grace 2']);
    assert.deepEqual(steps({ ...ready, containers: [ended('main', 0)] }), ['remove-sandbox s0']);
    assert.deepEqual(steps({ containers: [ended('main', 0)] }), ['remove-container main-0', 'remove-files']);
  });

  it('never has two copies of a container run, whatever is observed', () => {
    const record = fc.record({
      attempt: fc.integer({ min: 0, max: 3 }),
      state: fc.constantFrom('created' as const, 'running' as const, 'exited' as const),
      code: fc.integer({ min: 0, max: 1 }),
      sandboxId: fc.constantFrom('s0', 's1'),
    });
    const states = fc.uniqueArray(record, { selector: ({ attempt }) => attempt, maxLength: 4 });
    fc.assert(
      fc.property(
        states,
        fc.boolean(),
        fc.constantFrom('Always', 'OnFailure', 'Never'),
        (runs, isReady, restartPolicy) => {
          const containers = runs.map(({ state, code, ...over }) =>
            state === 'exited' ? ended('main', code, over) : run('main', { ...over, state }),
          );
          const sandboxes = [sandbox({ state: isReady ? 'ready' : 'not-ready' })];
          const { actions } = computePodActions(view({ pod: pod({ spec: { restartPolicy } }), sandboxes, containers }));
          const begins = actions.filter(({ type }) => type === 'create-container' || type === 'start-container');
          const latest = containers.sort((a, b) => a.attempt - b.attempt).at(-1);
          assert.ok(begins.length === 0 || containers.every(({ state }) => state !== 'running'));
          assert.ok(begins.length <= 1);
          const created = actions.find((action) => action.type === 'create-container');
          assert.ok(created === undefined || created.attempt > (latest?.attempt ?? -1));
        },
      ),
      { seed: NOW_MS % 1000, numRuns: 300 },
    );
  });
});
