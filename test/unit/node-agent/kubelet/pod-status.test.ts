/** The status that the API shows, by what is observed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computePodStatus } from '../../../../node-agent/kubelet/status/compute-pod-status.ts';
import { renderGoDuration } from '../../../../node-agent/kubelet/status/container-status.ts';
import type { ContainerState } from '../../../../shared/api/container-status.ts';
import { container, ended, NOW_MS, pod, run, sandbox, type ViewOver, view } from './builders.ts';

const CONTEXT = { hostIp: '192.0.2.10', terminationMessage: () => '' };

/** `running`, `waiting CrashLoopBackOff`, `terminated Error 1`. */
function stateWords({ waiting, running, terminated }: ContainerState): string {
  if (running) return 'running';
  if (terminated) return `terminated ${terminated.reason} ${terminated.exitCode}`;
  return `waiting ${waiting?.reason}`;
}

function words(over: ViewOver): string {
  const status = computePodStatus(view(over), CONTEXT);
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const states = all.map(
    ({ state, ready, restartCount }) => `${stateWords(state)}${ready ? ' ready' : ''} r${restartCount}`,
  );
  return [status.phase, ...states].join(', ');
}

const ready = { sandboxes: [sandbox()] };
const never = pod({ spec: { restartPolicy: 'Never' } });
const onFailure = pod({ spec: { restartPolicy: 'OnFailure' } });
const withInit = pod({ spec: { initContainers: [container('prepare')] } });
const withSidecar = pod({ spec: { initContainers: [container('proxy', { restartPolicy: 'Always' })] } });
const taskWithSidecar = pod({
  spec: { restartPolicy: 'Never', initContainers: [container('proxy', { restartPolicy: 'Always' })] },
});
const two = pod({ spec: { containers: [container('main'), container('side')] } });
const deleted = pod({ metadata: { deletionTimestamp: '2026-01-01T01:00:00Z' }, status: { phase: 'Running' } });
const oom = ended('main', 137);
const exit = {
  ...oom.exit,
  code: 137,
  signal: 9,
  finishedAtMs: NOW_MS,
  startFailed: false,
  message: '',
  oomKilled: true,
};

const late = pod({
  spec: { activeDeadlineSeconds: 1 },
  status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z' },
});

const TABLE: [string, ViewOver, string][] = [
  ['nothing yet', {}, 'Pending, waiting ContainerCreating r0'],
  ['running', { ...ready, containers: [run('main')] }, 'Running, running ready r0'],
  [
    'made, not started',
    { ...ready, containers: [run('main', { state: 'created' })] },
    'Pending, waiting ContainerCreating r0',
  ],
  [
    'one of two runs',
    { ...ready, pod: two, containers: [run('main')] },
    'Running, running ready r0, waiting ContainerCreating r0',
  ],
  [
    'image cannot be had',
    { ...ready, image: () => ({ type: 'failed', reason: 'ErrImagePull', message: 'no', retryInMs: 1 }) },
    'Pending, waiting ErrImagePull r0',
  ],
  [
    'configuration is missing',
    { ...ready, startProblem: () => ({ reason: 'CreateContainerConfigError', message: 'no', retryInMs: 1 }) },
    'Pending, waiting CreateContainerConfigError r0',
  ],
  ['ended, starts again at once', { ...ready, containers: [ended('main', 1)] }, 'Running, terminated Error 1 r0'],
  [
    'ended, in back-off',
    { ...ready, containers: [ended('main', 1, { attempt: 3, crashes: 3 })] },
    'Running, waiting CrashLoopBackOff r3',
  ],
  ['killed for memory', { ...ready, containers: [{ ...oom, exit }] }, 'Running, terminated OOMKilled 137 r0'],
  [
    'Never, succeeded',
    { ...ready, pod: never, containers: [ended('main', 0)] },
    'Succeeded, terminated Completed 0 r0',
  ],
  ['Never, failed', { ...ready, pod: never, containers: [ended('main', 3)] }, 'Failed, terminated Error 3 r0'],
  [
    'OnFailure, succeeded',
    { ...ready, pod: onFailure, containers: [ended('main', 0)] },
    'Succeeded, terminated Completed 0 r0',
  ],
  ['OnFailure, failed', { ...ready, pod: onFailure, containers: [ended('main', 3)] }, 'Running, terminated Error 3 r0'],
  [
    'initializing',
    { ...ready, pod: withInit, containers: [run('prepare')] },
    'Pending, running r0, waiting PodInitializing r0',
  ],
  [
    'initialized',
    { ...ready, pod: withInit, containers: [ended('prepare', 0), run('main')] },
    'Running, terminated Completed 0 ready r0, running ready r0',
  ],
  [
    'failed to initialize',
    {
      ...ready,
      pod: pod({ spec: { restartPolicy: 'Never', initContainers: [container('prepare')] } }),
      containers: [ended('prepare', 1)],
    },
    'Failed, terminated Error 1 r0, waiting PodInitializing r0',
  ],
  [
    'with a sidecar',
    { ...ready, pod: withSidecar, containers: [run('proxy'), run('main')] },
    'Running, running ready r0, running ready r0',
  ],
  [
    'its work is done, its sidecar is still to end',
    { ...ready, pod: taskWithSidecar, containers: [run('proxy'), ended('main', 0)] },
    'Running, running ready r0, terminated Completed 0 r0',
  ],
  [
    'its work is done, and its sidecar has ended',
    { ...ready, pod: taskWithSidecar, containers: [ended('proxy', 0), ended('main', 0)] },
    'Succeeded, terminated Completed 0 r0, terminated Completed 0 r0',
  ],
  ['deleted, still running', { ...ready, pod: deleted, containers: [run('main')] }, 'Running, running ready r0'],
  ['deleted, ended well', { pod: deleted, containers: [ended('main', 0)] }, 'Succeeded, terminated Completed 0 r0'],
  ['deleted, ended badly', { pod: deleted, containers: [ended('main', 143)] }, 'Failed, terminated Error 143 r0'],
  ['over its deadline, not ended yet', { ...ready, pod: late, containers: [run('main')] }, 'Running, running ready r0'],
  [
    'over its deadline, and ended',
    { ...ready, pod: late, containers: [ended('main', 0)] },
    'Failed, terminated Completed 0 r0',
  ],
  [
    'a probe that says no',
    {
      ...ready,
      containers: [run('main')],
      probes: { isStarted: () => true, isReady: () => false, failure: () => undefined },
    },
    'Running, running r0',
  ],
];

describe('computePodStatus', () => {
  for (const [name, over, expected] of TABLE) it(name, () => assert.equal(words(over), expected));

  it('tells the addresses of both families, with the host’s network those of the host', () => {
    const sandboxes = [sandbox({ otherIp: 'fd42::5' })];
    const context = { ...CONTEXT, otherHostIp: 'fd77::10' };
    const tell = (hostNetwork: boolean) => {
      const wanted = pod({ spec: { hostNetwork } });
      return computePodStatus(view({ ...ready, sandboxes, pod: wanted, containers: [run('main')] }), context);
    };
    const [own, host] = [tell(false), tell(true)];
    assert.deepEqual(own.hostIPs, [{ ip: '192.0.2.10' }, { ip: 'fd77::10' }]);
    assert.deepEqual([own.podIP, own.podIPs], ['10.0.0.5', [{ ip: '10.0.0.5' }, { ip: 'fd42::5' }]]);
    assert.deepEqual(host.podIPs, own.hostIPs);
  });

  it('fills in addresses, times, ids and conditions', () => {
    const wanted = pod({ metadata: { generation: 4 } });
    const status = computePodStatus(view({ ...ready, pod: wanted, containers: [run('main')] }), CONTEXT);
    assert.deepEqual([status.hostIP, status.podIP, status.podIPs], ['192.0.2.10', '10.0.0.5', [{ ip: '10.0.0.5' }]]);
    assert.equal(status.startTime, '2026-01-01T01:00:00Z');
    assert.equal(status.observedGeneration, 4);
    const [main] = status.containerStatuses ?? [];
    assert.deepEqual([main?.containerID, main?.imageID, main?.started], ['docker://main-0', 'docker://sha256:1', true]);
    assert.deepEqual(
      status.conditions?.map(({ type, status: value }) => `${type}=${value}`),
      ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
    );
  });

  it('says which containers are not ready, and keeps times of transitions', () => {
    const conditions = [{ type: 'Ready', status: 'False' as const, lastTransitionTime: '2026-01-01T00:10:00Z' }];
    const status = computePodStatus(view({ pod: pod({ status: { conditions } }) }), CONTEXT);
    const condition = status.conditions?.find(({ type }) => type === 'Ready');
    assert.deepEqual(condition, {
      type: 'Ready',
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
      lastTransitionTime: '2026-01-01T00:10:00Z',
    });
  });

  it('waits for readiness gates', () => {
    const spec = { readinessGates: [{ conditionType: 'example.com/gate' }] };
    const status = computePodStatus(view({ ...ready, pod: pod({ spec }), containers: [run('main')] }), CONTEXT);
    const [, , condition] = status.conditions ?? [];
    assert.deepEqual([condition?.status, condition?.reason], ['False', 'ReadinessGatesNotReady']);
  });

  it('tells how the previous run ended', () => {
    const containers = [ended('main', 5), run('main', { attempt: 1 })];
    const status = computePodStatus(view({ ...ready, containers }), CONTEXT);
    assert.equal(status.containerStatuses?.[0]?.lastState.terminated?.exitCode, 5);
    assert.equal(status.containerStatuses?.[0]?.restartCount, 1);
  });

  it('shows what the container said at its end, or why it could not start', () => {
    const record = ended('main', 1);
    const said = computePodStatus(view({ ...ready, containers: [record] }), {
      ...CONTEXT,
      terminationMessage: () => 'goodbye',
    });
    assert.equal(said.containerStatuses?.[0]?.state.terminated?.message, 'goodbye');
    const failed = { ...record, exit: { ...exit, oomKilled: false, startFailed: true, message: 'no such file' } };
    const state = computePodStatus(view({ ...ready, containers: [failed] }), CONTEXT).containerStatuses?.[0]?.state;
    assert.deepEqual([state?.terminated?.reason, state?.terminated?.message], ['ContainerCannotRun', 'no such file']);
  });

  it('remembers what the runtime forgot', () => {
    const running = { running: { startedAt: '2026-01-01T00:30:00Z' } };
    const old = { name: 'main', state: running, lastState: {}, ready: true, restartCount: 2, image: '', imageID: '' };
    const known = pod({ status: { phase: 'Running', containerStatuses: [{ ...old, containerID: 'docker://x' }] } });
    const [main] = computePodStatus(view({ ...ready, pod: known }), CONTEXT).containerStatuses ?? [];
    assert.equal(main?.restartCount, 2);
    assert.equal(main?.lastState.terminated?.reason, 'ContainerStatusUnknown');
  });
});

describe('renderGoDuration', () => {
  it('writes seconds as Go does', () => {
    assert.deepEqual([10_000, 80_000, 300_000].map(renderGoDuration), ['10s', '1m20s', '5m0s']);
  });
});
