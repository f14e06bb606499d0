/** When alerts begin and end: thresholds with their dead bands, patience, and that each is told once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { AddressPoster } from '../../../master/controllers/alerts/address-poster.ts';
import { keyOf, PATIENCE, type Signal } from '../../../master/controllers/alerts/alert.ts';
import { AlertBook, MAX_ALERTS } from '../../../master/controllers/alerts/alert-book.ts';
import { computeSignals, MASTER_SUBJECT, type World } from '../../../master/controllers/alerts/compute-signals.ts';
import { AlertWebhook, MAX_WAITING, POST_TIMEOUT_MS, renderAlert } from '../../../master/controllers/alerts/webhook.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const NOW = Date.UTC(2026, 5, 1);
const EMPTY: World = { nodes: [], sensors: [], pods: [], certificates: [], snapshotProblem: undefined, nowMs: NOW };

function board(ready: 'True' | 'Unknown' = 'True'): Node {
  const conditions = [{ type: 'Ready', status: ready, message: 'Kubelet stopped posting node status.' }];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'pi-1', uid: '1' },
    spec: {},
    status: { conditions },
  } as Node;
}

function levels(reading: Partial<NodeSensors>, node = board()): Record<string, string> {
  const sensors = [{ metadata: { name: 'pi-1' }, throttleCelsius: 80, ...reading } as NodeSensors];
  const signals = computeSignals({ ...EMPTY, nodes: [node], sensors });
  return Object.fromEntries(signals.map(({ name, level }) => [name, level]));
}

describe('boards', () => {
  const heat: [number, string][] = [
    [70, 'good'],
    [72, 'good'],
    [73, 'between'],
    [76.9, 'between'],
    [77, 'bad'],
    [95, 'bad'],
  ];
  for (const [celsius, level] of heat) {
    it(`${celsius} °C is ${level}`, () => assert.equal(levels({ temperatureCelsius: celsius })['BoardHot'], level));
  }
  const disks: [number, string][] = [
    [50, 'good'],
    [15, 'good'],
    [14, 'between'],
    [11, 'between'],
    [10, 'bad'],
    [0, 'bad'],
  ];
  for (const [free, level] of disks) {
    const reading = { diskTotalBytes: 100, diskAvailableBytes: free };
    it(`${free} % free is ${level}`, () => assert.equal(levels(reading)['DiskNearlyFull'], level));
  }
  it('short of voltage', () => {
    assert.equal(levels({ underVoltage: true })['UnderVoltage'], 'bad');
    assert.equal(levels({ underVoltage: false })['UnderVoltage'], 'good');
  });
  it('without sensors or a disk are well', () => {
    const { BoardLost, BoardHot, DiskNearlyFull } = levels({});
    assert.deepEqual([BoardLost, BoardHot, DiskNearlyFull], ['good', 'good', 'good']);
  });
  it('that are lost say nothing of their readings', () => {
    const lost = levels({ temperatureCelsius: 95, underVoltage: true }, board('Unknown'));
    const unknown = { BoardHot: 'between', UnderVoltage: 'between', DiskNearlyFull: 'between' };
    assert.deepEqual(lost, { BoardLost: 'bad', ...unknown, SnapshotFailed: 'good' });
  });
});

describe('the rest', () => {
  const DAY_MS = 86_400_000;
  const ends: [number, string][] = [
    [30, 'good'],
    [21, 'good'],
    [20, 'between'],
    [15, 'between'],
    [14, 'bad'],
    [-1, 'bad'],
  ];
  for (const [days, level] of ends) {
    it(`a certificate with ${days} days left is ${level}`, () => {
      const certificates = [{ subject: MASTER_SUBJECT, what: 'the CA', endMs: NOW + days * DAY_MS }];
      const found = computeSignals({ ...EMPTY, certificates }).find(({ name }) => name === 'CertificateNearEnd');
      assert.equal(found?.level, level);
    });
  }
  it('a snapshot that failed', () => {
    const [signal] = computeSignals({ ...EMPTY, snapshotProblem: 'the disk is full' });
    assert.deepEqual([signal?.name, signal?.level, signal?.message], ['SnapshotFailed', 'bad', 'the disk is full']);
  });
  const pod = (restartCount: number, state: object): Pod =>
    ({
      metadata: { name: 'web', namespace: 'default', uid: '2' },
      status: { containerStatuses: [{ name: 'main', restartCount, state }] },
    }) as Pod;
  const crashes: [string, Pod, string | undefined][] = [
    ['two restarts', pod(2, { waiting: { reason: 'CrashLoopBackOff' } }), undefined],
    ['back-off', pod(3, { waiting: { reason: 'CrashLoopBackOff' } }), 'bad'],
    ['runs again for a moment', pod(3, { running: { startedAt: new Date(NOW - 60_000).toISOString() } }), 'between'],
    ['runs again for long', pod(3, { running: { startedAt: new Date(NOW - 400_000).toISOString() } }), 'good'],
    ['has ended well', pod(3, { terminated: { exitCode: 0 } }), 'good'],
  ];
  for (const [what, one, level] of crashes) {
    it(`a pod: ${what}`, () => {
      const found = computeSignals({ ...EMPTY, pods: [one] }).find(({ name }) => name === 'CrashLoop');
      assert.equal(found?.level, level);
    });
  }
});

describe('the book of alerts', () => {
  const signal = (level: Signal['level'], name: Signal['name'] = 'BoardHot'): Signal => ({
    name,
    subject: MASTER_SUBJECT,
    level,
    message: level,
  });
  const at = (seconds: number) => ({ monotonicMs: seconds * 1000, wallMs: NOW + seconds * 1000 });
  const told = (book: AlertBook, level: Signal['level'], seconds: number): string =>
    book
      .update([signal(level)], at(seconds))
      .map(({ type }) => type)
      .join();

  it('is patient on both sides, and a dead band keeps what is', () => {
    const book = new AlertBook();
    const steps: readonly (readonly [number, Signal['level'], string])[] = [
      ...([
        [0, 'bad', ''],
        [20, 'between', ''],
        [25, 'bad', ''],
        [50, 'bad', ''],
        [55, 'bad', 'firing'],
      ] as const),
      ...([
        [60, 'bad', ''],
        [70, 'between', ''],
        [80, 'good', ''],
        [190, 'good', ''],
        [195, 'between', ''],
      ] as const),
      ...([
        [200, 'good', ''],
        [319, 'good', ''],
        [320, 'good', 'resolved'],
        [330, 'good', ''],
      ] as const),
    ];
    for (const [seconds, level, expected] of steps)
      assert.equal(told(book, level, seconds), expected, `at ${seconds} s`);
  });
  it('says when to look again', () => {
    const book = new AlertBook();
    assert.equal(book.nextTurnMs(), undefined);
    told(book, 'bad', 10);
    assert.equal(book.nextTurnMs(), 10_000 + PATIENCE.BoardHot.badMs);
  });
  it('ends what is not there any more', () => {
    const book = new AlertBook();
    book.update([signal('bad', 'BoardLost')], at(0));
    assert.deepEqual(
      book.firing().map(({ name, sinceMs }) => [name, sinceMs]),
      [['BoardLost', NOW]],
    );
    assert.deepEqual(
      book.update([], at(1)).map(({ type }) => type),
      ['resolved'],
    );
    assert.deepEqual(book.firing(), []);
  });
  it('keeps to its bound', () => {
    const book = new AlertBook();
    const many = Array.from({ length: MAX_ALERTS + 5 }, (_, index) => ({
      ...signal('bad', 'BoardLost'),
      subject: { ...MASTER_SUBJECT, metadata: { name: `pi-${index}`, uid: '' } },
    }));
    assert.equal(book.update(many, at(0)).length, MAX_ALERTS);
  });
  it('tells firing and resolved in turn, whatever happens', () => {
    const look = fc.record({
      seconds: fc.integer({ min: 1, max: 200 }),
      level: fc.constantFrom('bad', 'between', 'good', 'absent'),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        const book = new AlertBook();
        let [seconds, isFiring] = [0, false];
        for (const step of looks) {
          seconds += step.seconds;
          const signals = step.level === 'absent' ? [] : [signal(step.level as Signal['level'])];
          for (const { type, alert } of book.update(signals, at(seconds))) {
            assert.equal(type, isFiring ? 'resolved' : 'firing');
            assert.equal(keyOf(alert), 'BoardHot/Namespace//kube-system');
            isFiring = !isFiring;
          }
          assert.equal(book.firing().length, isFiring ? 1 : 0);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

describe('the webhook', () => {
  const at = (name: string, sinceMs = NOW) => ({
    name: 'BoardLost' as const,
    subject: { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: '' } },
    message: 'gone',
    sinceMs,
  });
  const alert = at('pi-1');

  /** An address that takes what it is sent, or does not; `heard`: `status object`. */
  function house(post?: AddressPoster) {
    const clock = createVirtualClock();
    const one = { isAway: false, attempts: 0, heard: [] as string[], ids: [] as string[], clock };
    const webhook = new AlertWebhook({
      ...{ url: 'http://house/alerts', clock, random: seededRandom(1), logger: silentLogger },
      post:
        post ??
        (async (_url, { id, body }) => {
          one.attempts += 1;
          if (one.isAway) throw new Error('away');
          const { status, object } = JSON.parse(body);
          one.heard.push(`${status} ${object.name}`);
          one.ids.push(id);
        }),
    });
    return { house: one, webhook, clock };
  }

  it('says what it says, and nothing else', () => {
    assert.deepEqual(renderAlert({ type: 'firing', alert }), {
      id: `BoardLost/Node//pi-1/${NOW}/firing`,
      ...{ status: 'firing', alert: 'BoardLost', object: { kind: 'Node', name: 'pi-1' } },
      ...{ message: 'gone', since: '2026-06-01T00:00:00Z' },
    });
  });
  it('is told of each change once, in order, with ids of their own', async () => {
    const { house: address, webhook, clock } = house();
    webhook.tell({ type: 'firing', alert });
    await clock.advance(1);
    webhook.tell({ type: 'resolved', alert });
    webhook.tell({ type: 'firing', alert: at('pi-2') });
    await clock.advance(3_600_000);
    assert.deepEqual(address.heard, ['firing pi-1', 'resolved pi-1', 'firing pi-2']);
    assert.equal(new Set(address.ids).size, 3);
    await webhook.stop();
  });
  it('that was away for long hears how things are then', async () => {
    const { house: address, webhook, clock } = house();
    address.isAway = true;
    for (const name of ['pi-1', 'pi-2', 'pi-3']) {
      webhook.tell({ type: 'firing', alert: at(name) });
    }
    await clock.advance(3_600_000);
    webhook.tell({ type: 'resolved', alert: at('pi-2') });
    webhook.tell({ type: 'firing', alert: at('pi-4') });
    webhook.tell({ type: 'resolved', alert: at('pi-4') });
    await clock.advance(3_600_000);
    assert.ok(address.attempts > 20 && address.attempts < 200, `${address.attempts} attempts in two hours`);
    address.isAway = false;
    await clock.advance(120_000);
    assert.deepEqual(address.heard.toSorted(), ['firing pi-1', 'firing pi-3', 'resolved pi-2']);
    await webhook.stop();
  });
  it('hears under the same id what it may have heard already', async () => {
    const ids: string[] = [];
    const { webhook, clock } = house(async (_url, { id }) => {
      ids.push(id);
      if (ids.length === 1) throw new Error('the answer was lost');
    });
    webhook.tell({ type: 'firing', alert });
    await clock.advance(60_000);
    assert.deepEqual(ids, [ids[0], ids[0]]);
    await webhook.stop();
  });
  it('that refuses one message hears the others', async () => {
    const heard: string[] = [];
    const { webhook, clock } = house(async (_url, { body }) => {
      const { name } = JSON.parse(body).object;
      if (name === 'pi-1') throw new Error('answered 400');
      heard.push(name);
    });
    for (const name of ['pi-1', 'pi-2', 'pi-3']) webhook.tell({ type: 'firing', alert: at(name) });
    await clock.advance(60_000);
    assert.deepEqual(heard, ['pi-2', 'pi-3']);
    await webhook.stop();
  });
  it('that never answers is given up after a time, and asked again', async () => {
    let asked = 0;
    const { webhook, clock } = house(
      (_url, _message, signal) =>
        new Promise((_resolve, reject) => {
          asked += 1;
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    webhook.tell({ type: 'firing', alert });
    await clock.advance(POST_TIMEOUT_MS - 1);
    assert.equal(asked, 1);
    await clock.advance(2_000);
    assert.equal(asked, 2);
    await webhook.stop();
  });
  it('keeps to its bound, and ends at once', async () => {
    const { house: address, webhook, clock } = house();
    address.isAway = true;
    for (let index = 0; index < MAX_WAITING + 5; index += 1) {
      webhook.tell({ type: 'firing', alert: at(`pi-${index}`) });
    }
    address.isAway = false;
    await clock.advance(60_000);
    assert.equal(address.heard.length, MAX_WAITING);
    address.isAway = true;
    webhook.tell({ type: 'firing', alert });
    await clock.advance(1);
    await webhook.stop();
    webhook.tell({ type: 'firing', alert });
    await clock.advance(60_000);
    assert.equal(address.heard.length, MAX_WAITING);
  });
});
