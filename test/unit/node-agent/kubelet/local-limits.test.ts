/** Whether a pod has more on the disk than it may, and when this is looked at. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PodEvents } from '../../../../node-agent/kubelet/pod-events.ts';
import { findExcess, type LocalUsage, localLimitsOf } from '../../../../node-agent/kubelet/volumes/local-limits.ts';
import { SizeLimits } from '../../../../node-agent/kubelet/volumes/size-limits.ts';
import type { EventRecorder } from '../../../../shared/client/event-recorder.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { createMemoryHostFiles } from '../../../support/memory-host-files.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { container, pod, run, sandbox } from './builders.ts';

const limited = (name: string, limit?: string) =>
  container(name, { resources: limit === undefined ? {} : { limits: { 'ephemeral-storage': limit } } });

const volumes = [
  { name: 'small', emptyDir: { sizeLimit: '1Ki' } },
  { name: 'free', emptyDir: {} },
  { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Ki' } },
];

const two = pod({
  spec: { volumes, containers: [limited('a', '2Ki'), limited('b')], initContainers: [limited('i', '1Ki')] },
});
const bounded = pod({ spec: { volumes } });

const used = (inVolumes: Record<string, number>, inContainers: Record<string, number> = {}): LocalUsage => ({
  volumes: new Map(Object.entries(inVolumes)),
  containers: new Map(Object.entries(inContainers)),
});

const TABLE: [string, typeof two, LocalUsage, string | undefined][] = [
  ['nothing is measured', bounded, used({}), undefined],
  ['all is as much as it may be', bounded, used({ small: 1024 }), undefined],
  [
    'a volume is too large',
    bounded,
    used({ small: 1025 }),
    'Usage of EmptyDir volume "small" exceeds the limit "1Ki". ',
  ],
  ['a volume without a limit', bounded, used({ free: 1e9 }), undefined],
  ['memory is the kernel’s business', bounded, used({ memory: 1e9 }), undefined],
  [
    'a container wrote too much',
    two,
    used({}, { a: 2049 }),
    'Container a exceeded its local ephemeral storage limit "2Ki". ',
  ],
  ['a container without a limit', two, used({}, { b: 3000 }), undefined],
  [
    'all together is too much',
    two,
    used({ free: 2000 }, { a: 1000, b: 100 }),
    'Pod ephemeral local storage usage exceeds the total limit of containers 3Ki. ',
  ],
];

describe('findExcess', () => {
  for (const [name, subject, usage, expected] of TABLE)
    it(name, () => assert.equal(findExcess(localLimitsOf(subject), usage), expected));
});

/** A pod that runs, and what its containers are said to have written. */
function watch(subject: typeof two) {
  const clock = createVirtualClock();
  const written = new Map<string, number>();
  const told: string[] = [];
  let asked = 0;
  const recorder: EventRecorder = {
    event: (_subject, _type, reason) => told.push(reason),
    stop: async () => undefined,
  };
  const observed = { sandboxes: [sandbox()], containers: [run('a')] };
  const exceeded: string[] = [];
  const limits = new SizeLimits({
    ...{ clock, logger: silentLogger, files: createMemoryHostFiles(), paths: { root: '/pods' } },
    events: new PodEvents(recorder),
    runtime: {
      async writtenBytes() {
        asked += 1;
        return written;
      },
    },
    observed: () => observed,
    onExceeded: (uid) => exceeded.push(uid),
  });
  return { clock, limits, written, told, exceeded, look: () => limits.ending(subject, observed), asked: () => asked };
}

describe('SizeLimits', () => {
  it('ends a pod whose container wrote too much', async () => {
    const { clock, limits, written, told, exceeded, look } = watch(two);
    assert.equal(look(), undefined);
    await clock.advance(20_000);
    assert.deepEqual(exceeded, []);
    written.set('a-0', 4096);
    await clock.advance(20_000);
    assert.deepEqual([exceeded, told, look()?.reason], [['uid-1'], ['Evicted'], 'Evicted']);
    limits.forget('uid-1');
    assert.equal(clock.nextTimerMs(), undefined);
  });

  it('measures nothing for pods without limits', async () => {
    const { clock, look, asked } = watch(pod());
    look();
    await clock.advance(60_000);
    assert.deepEqual([asked(), clock.nextTimerMs()], [0, undefined]);
  });

  it('does not look into containers for the sake of a volume', async () => {
    const { clock, limits, look, asked } = watch(bounded);
    look();
    await clock.advance(60_000);
    assert.equal(asked(), 0);
    limits.stop();
  });
});
