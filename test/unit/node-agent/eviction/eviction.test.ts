/** When a node is under pressure, who goes first, and what is said. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkPressure } from '../../../../node-agent/kubelet/admission/admission.ts';
import { computeConsumption } from '../../../../node-agent/kubelet/eviction/consumption.ts';
import { renderEvictionMessage } from '../../../../node-agent/kubelet/eviction/messages.ts';
import { computeMet } from '../../../../node-agent/kubelet/eviction/pressure.ts';
import { type PodConsumption, rankForEviction } from '../../../../node-agent/kubelet/eviction/ranking.ts';
import { isOneDisk, observeSignals } from '../../../../node-agent/kubelet/eviction/signals.ts';
import {
  computeThresholds,
  DEFAULT_EVICTION_SETTINGS,
  EvictionSettingsError,
  parseEvictionHard,
  parseMinimumReclaim,
} from '../../../../node-agent/kubelet/eviction/thresholds.ts';
import type { Pod } from '../../../../shared/api/pod.ts';
import { SAMPLE } from '../agent-fixture.ts';
import { container, pod } from '../kubelet/builders.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const PROPERTY = { seed: 1, numRuns: 300 };

function named(
  name: string,
  over: { priority?: number; requests?: Record<string, string>; createdAt?: string } = {},
): Pod {
  const { priority, requests = {}, createdAt = '2026-01-01T00:00:00Z' } = over;
  return pod({
    metadata: { name, uid: name, creationTimestamp: createdAt },
    spec: {
      containers: [container('main', { resources: { requests } })],
      ...(priority === undefined ? {} : { priority }),
    },
  });
}

function consumption(
  name: string,
  used: number,
  over: Parameters<typeof named>[1] & { requested?: number } = {},
): PodConsumption {
  const requested = over.requested ?? 0;
  return { pod: named(name, over), used, requested, containers: [{ name: 'main', used, requested }] };
}

const order = (consumptions: readonly PodConsumption[]): string[] =>
  rankForEviction(consumptions).map(({ pod: { metadata } }) => metadata.name);

describe('order of eviction', () => {
  it('who uses more than asked for goes before who does not, whatever the priority', () => {
    const within = consumption('within', 100, { requested: 200, priority: -10 });
    const above = consumption('above', 50, { requested: 40, priority: 1000 });
    assert.deepEqual(order([within, above]), ['above', 'within']);
  });
  it('then the lower priority', () => {
    assert.deepEqual(
      order([
        consumption('high', 100, { priority: 10 }),
        consumption('low', 50, { priority: 1 }),
        consumption('none', 20),
      ]),
      ['none', 'low', 'high'],
    );
  });
  it('then who uses most beyond what was asked for', () => {
    const burstable = consumption('burstable', 300, { requested: 250 });
    const bestEffort = consumption('best-effort', 100);
    assert.deepEqual(order([burstable, bestEffort]), ['best-effort', 'burstable']);
  });
  it('then the younger', () => {
    const old = consumption('old', 10, { createdAt: '2026-01-01T00:00:00Z' });
    const young = consumption('young', 10, { createdAt: '2026-01-02T00:00:00Z' });
    assert.deepEqual(order([old, young]), ['young', 'old']);
  });
  it('never pods that the cluster cannot live without', () => {
    assert.deepEqual(order([consumption('system', 1000, { priority: 2_000_001_000 })]), []);
  });

  const arbitrary = fc.array(
    fc.record({ used: fc.nat(1000), requested: fc.nat(1000), priority: fc.integer({ min: -3, max: 3 }) }),
    { maxLength: 8 },
  );
  it('does not depend on the order in which pods are listed', () => {
    fc.assert(
      fc.property(arbitrary, fc.integer(), (pods, rotation) => {
        const all = pods.map(({ used, ...over }, index) => consumption(`p${index}`, used, over));
        const by = all.length === 0 ? 0 : Math.abs(rotation) % all.length;
        assert.deepEqual(order([...all.slice(by), ...all.slice(0, by)]), order(all));
      }),
      PROPERTY,
    );
  });
  it('a pod within its request is never before one beyond its own', () => {
    fc.assert(
      fc.property(arbitrary, (pods) => {
        const all = pods.map(({ used, ...over }, index) => consumption(`p${index}`, used, over));
        const beyond = rankForEviction(all).map(({ used, requested }) => used > requested);
        assert.ok(
          beyond.lastIndexOf(true) < beyond.indexOf(false) || !beyond.includes(false) || !beyond.includes(true),
        );
      }),
      PROPERTY,
    );
  });
});

describe('what a pod consumes', () => {
  const web = named('web', { requests: { memory: '64Mi', 'ephemeral-storage': '1Gi' } });
  const usages = (isOne: boolean) => ({
    pods: new Map([
      [
        'web',
        {
          namespace: 'default',
          name: 'web',
          uid: 'web',
          containers: [{ name: 'main', cpuMillis: 1, memoryBytes: 80 * MIB, processes: 7 }],
        },
      ],
    ]),
    disks: new Map([['web', { volumesBytes: 500, layers: new Map([['main', 30]]) }]]),
    isOneDisk: isOne,
  });
  const of = (signal: Parameters<typeof computeConsumption>[1], isOne = false) => {
    const { used, requested } = computeConsumption(web, signal, usages(isOne));
    return [used, requested];
  };
  it('of memory', () => assert.deepEqual(of('memory.available'), [80 * MIB, 64 * MIB]));
  it('of processes', () => assert.deepEqual(of('pid.available'), [7, 0]));
  it('of the volumes’ disk', () => assert.deepEqual(of('nodefs.available'), [500, GIB]));
  it('of the images’ disk', () => assert.deepEqual(of('imagefs.available'), [30, GIB]));
  it('of the one disk that there is', () => assert.deepEqual(of('imagefs.available', true), [530, GIB]));
});

describe('the message of an eviction', () => {
  it('is Kubernetes’', () => {
    const shortfall = { signal: 'memory.available', available: 89 * MIB, minimum: 100 * MIB } as const;
    assert.equal(
      renderEvictionMessage(shortfall, consumption('web', 120 * MIB, { requested: 64 * MIB })),
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 89Mi. Container main was using 120Mi, request is 64Mi, has larger consumption of memory. ',
    );
  });
  it('blames nobody who stayed within the request', () => {
    const shortfall = { signal: 'pid.available', available: 5, minimum: 10 } as const;
    assert.equal(
      renderEvictionMessage(shortfall, consumption('web', 1, { requested: 2 })),
      'The node was low on resource: pids. Threshold quantity: 10, available: 5. ',
    );
  });
});

describe('thresholds', () => {
  const at = (memoryBytes: number, diskBytes: number) => {
    const sample = { ...SAMPLE, memoryTotalBytes: memoryBytes, diskTotalBytes: diskBytes };
    const thresholds = computeThresholds(observeSignals(sample), DEFAULT_EVICTION_SETTINGS);
    const inMib = (signal: 'memory.available' | 'imagefs.available') =>
      Math.round((thresholds.get(signal)?.minimum ?? 0) / MIB);
    return [inMib('memory.available'), inMib('imagefs.available')];
  };
  const boards: [string, number, number, [number, number]][] = [
    ['Zero 2 W, 8 GB card', 512 * MIB, 8 * GIB, [26, 410]],
    ['Pi 3, 16 GB card', 1024 * MIB, 16 * GIB, [51, 819]],
    ['Pi 4, 32 GB card', 4 * GIB, 32 * GIB, [100, 1024]],
    ['Pi 5, 1 TB disk', 8 * GIB, 1024 * GIB, [100, 1024]],
    ['a disk of 32 MB', 4 * GIB, 32 * MIB, [100, 8]],
  ];
  for (const [name, memory, disk, expected] of boards) it(name, () => assert.deepEqual(at(memory, disk), expected));

  it('are replaced by flags, one by one', () => {
    const settings = {
      hard: parseEvictionHard('memory.available<64Mi, imagefs.available<10%'),
      minimumReclaim: parseMinimumReclaim('memory.available=16Mi'),
    };
    const thresholds = computeThresholds(observeSignals({ ...SAMPLE, diskTotalBytes: 10 * GIB }), settings);
    assert.deepEqual(thresholds.get('memory.available'), { minimum: 64 * MIB, reclaim: 16 * MIB });
    assert.equal(thresholds.get('imagefs.available')?.minimum, GIB);
    assert.equal(thresholds.get('nodefs.available')?.minimum, 512 * MIB);
  });
  for (const text of [
    'memory<1Gi',
    'memory.available>1Gi',
    'memory.available<',
    'memory.available<101%',
    'nodefs.available<-1',
  ]) {
    it(`${text} is no threshold`, () => assert.throws(() => parseEvictionHard(text), EvictionSettingsError));
  }

  it('once met stay met until the minimum reclaim is there', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400)), (readings) => {
        const thresholds = new Map([['memory.available', { minimum: 100, reclaim: 50 }]] as const);
        let met = computeMet([], { observations: new Map(), thresholds });
        for (const available of readings) {
          const before = met.length > 0;
          const observations = new Map([['memory.available', { available, capacity: 1000 }]] as const);
          met = computeMet(met, { observations, thresholds });
          assert.equal(met.length > 0, available < 100 || (before && available < 150));
        }
      }),
      PROPERTY,
    );
  });
  it('two disks of one size and fill are one', () => {
    const same = { totalBytes: SAMPLE.diskTotalBytes, availableBytes: SAMPLE.diskAvailableBytes };
    assert.equal(isOneDisk(observeSignals(SAMPLE)), true);
    assert.equal(isOneDisk(observeSignals({ ...SAMPLE, nodeDisk: same })), true);
    assert.equal(isOneDisk(observeSignals({ ...SAMPLE, nodeDisk: { ...same, availableBytes: 1 } })), false);
  });
});

describe('a new pod under pressure', () => {
  const burstable = named('web', { requests: { memory: '1Mi' } });
  const cases: [string, Pod, Parameters<typeof checkPressure>[1], string | undefined][] = [
    ['no pressure', named('web'), [], undefined],
    ['best effort, memory', named('web'), ['MemoryPressure'], 'The node had condition: [MemoryPressure]. '],
    ['burstable, memory', burstable, ['MemoryPressure'], undefined],
    ['burstable, disk', burstable, ['DiskPressure'], 'The node had condition: [DiskPressure]. '],
    ['critical, disk', named('web', { priority: 2_000_000_000 }), ['DiskPressure'], undefined],
    [
      'tolerant, memory',
      pod({ spec: { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] } }),
      ['MemoryPressure'],
      undefined,
    ],
  ];
  for (const [name, wanted, pressures, expected] of cases) {
    it(name, () => assert.equal(checkPressure(wanted, pressures)?.message, expected));
  }
});
