/** CronJobs at work on the real API server: slots, policies, history, clocks that jump, a master that comes back. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type CronJob, CronJobKind } from '../../../shared/api/cron-job.ts';
import { type Job, JobKind } from '../../../shared/api/job.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { type LiveCluster, type LiveClusterOptions, startLiveCluster } from './live-cluster.ts';

const KEY = { namespace: 'default', name: 'tick' };
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const YEAR_MS = 365 * DAY_MS;

type Spec = NonNullable<Draft<CronJob>['spec']>;

let cluster: LiveCluster;
let informer: Informer<Job>;
const seen = new Map<string, Set<string>>();

async function start(
  options: LiveClusterOptions = { ends: () => ({ afterMs: 1_000, phase: 'Succeeded' }) },
): Promise<void> {
  seen.clear();
  cluster = await startLiveCluster(options);
  await cluster.addNode({ name: 'pi-1' });
  const { client, clock } = cluster;
  informer = new Informer({ client, clock, random: seededRandom(5), logger: silentLogger, kind: JobKind });
  informer.onChange((_key, current) => {
    if (current === undefined) return;
    const { name, uid } = current.metadata;
    seen.set(name, (seen.get(name) ?? new Set()).add(uid));
  });
  await informer.start();
  await cluster.clock.settle();
}

afterEach(async () => {
  await informer.stop();
  await cluster.stop();
});

function create(spec: Spec = {}): Promise<CronJob> {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'main', image: 'busybox:1' }] } };
  const draft = { schedule: '* * * * *', jobTemplate: { spec: { template } }, ...spec };
  return cluster.client.create(CronJobKind, { metadata: KEY, spec: draft });
}

function get(): Promise<CronJob> {
  return cluster.client.get(CronJobKind, KEY);
}

async function jobs(): Promise<Job[]> {
  return (await cluster.client.list(JobKind)).items;
}

/** Slots that were started, and that none was started twice. */
function startedSlots(): string[] {
  for (const [name, uids] of seen) assert.equal(uids.size, 1, `${name} was made ${uids.size} times`);
  return [...seen.keys()].map((name) =>
    new Date(Number(name.split('-').at(-1)) * MINUTE_MS).toISOString().slice(0, 16),
  );
}

test('each minute has a job, named after it; old ones go', async () => {
  await start();
  await create();
  await cluster.clock.advance(5 * MINUTE_MS + 5_000);
  assert.deepEqual(startedSlots(), [
    '2026-01-01T00:01',
    '2026-01-01T00:02',
    '2026-01-01T00:03',
    '2026-01-01T00:04',
    '2026-01-01T00:05',
  ]);
  const kept = await jobs();
  assert.equal(kept.length, 3);
  const annotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
  assert.equal(kept.at(-1)?.metadata.annotations?.[annotation], '2026-01-01T00:05:00Z');
  const { status } = await get();
  assert.equal(status.lastScheduleTime, '2026-01-01T00:05:00Z');
  assert.ok(status.lastSuccessfulTime !== undefined && status.active === undefined);
});

test('slots go by the zone', async () => {
  await start();
  await create({ schedule: '30 2 * * *', timeZone: 'Asia/Tokyo' });
  cluster.clock.jumpWallClock(17 * 60 * MINUTE_MS);
  await cluster.clock.advance(31 * MINUTE_MS);
  assert.deepEqual(startedSlots(), ['2026-01-01T17:30']);
  const [job] = await jobs();
  const time = job?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'];
  assert.equal(time, '2026-01-02T02:30:00+09:00');
});

test('Forbid leaves out, Replace takes over, Allow runs beside', async () => {
  await start({});
  await create({ concurrencyPolicy: 'Forbid' });
  await cluster.clock.advance(3 * MINUTE_MS + 1_000);
  assert.equal((await jobs()).length, 1);
  assert.equal((await get()).status.active?.length, 1);
  const set = (policy: string) =>
    cluster.client.patch(CronJobKind, KEY, { type: 'merge', body: { spec: { concurrencyPolicy: policy } } });
  await set('Replace');
  await cluster.clock.advance(MINUTE_MS);
  const [replaced, ...others] = await jobs();
  assert.deepEqual([others.length, replaced?.metadata.name], [0, (await get()).status.active?.[0]?.name]);
  await set('Allow');
  await cluster.clock.advance(2 * MINUTE_MS);
  assert.equal((await jobs()).length, 3);
  startedSlots();
});

test('a suspended cron job rests, and starts one of what it missed', async () => {
  await start();
  await create({ suspend: true });
  await cluster.clock.advance(10 * MINUTE_MS);
  assert.deepEqual(startedSlots(), []);
  await cluster.client.patch(CronJobKind, KEY, { type: 'merge', body: { spec: { suspend: false } } });
  await cluster.clock.advance(5_000);
  assert.deepEqual(startedSlots(), ['2026-01-01T00:10']);
});

test('what is too late is left out', async () => {
  await start();
  await create({ suspend: true, schedule: '0 * * * *', startingDeadlineSeconds: 60 });
  cluster.clock.jumpWallClock(90 * MINUTE_MS);
  await cluster.client.patch(CronJobKind, KEY, { type: 'merge', body: { spec: { suspend: false } } });
  await cluster.clock.advance(5_000);
  assert.deepEqual(startedSlots(), []);
  await cluster.clock.advance(31 * MINUTE_MS);
  assert.deepEqual(startedSlots(), ['2026-01-01T02:00']);
});

test('a clock that jumps ahead by years starts one job, and none twice when it comes back', async () => {
  await start();
  await create();
  await cluster.clock.advance(2 * MINUTE_MS + 1_000);
  cluster.clock.jumpWallClock(10 * YEAR_MS);
  await cluster.clock.advance(3 * MINUTE_MS);
  const ahead = startedSlots();
  assert.ok(ahead.length >= 5 && ahead.length <= 6, String(ahead));
  // A minute less than it should be: what has been started already is not started again.
  cluster.clock.jumpWallClock(-10 * YEAR_MS - MINUTE_MS);
  await cluster.clock.advance(5 * MINUTE_MS);
  const back = startedSlots();
  const last = new Date(cluster.clock.nowMs()).toISOString().slice(0, 16);
  assert.ok(back.length > ahead.length, 'the schedule goes on');
  assert.equal(back.at(-1), last);
  // And ten years later the slots of the excursion are not started again.
  cluster.clock.jumpWallClock(10 * YEAR_MS - 5 * MINUTE_MS);
  await cluster.clock.advance(10 * MINUTE_MS);
  startedSlots();
});

test('a board whose clock was in 1970 starts one job when it gets the time', async () => {
  await start();
  cluster.clock.jumpWallClock(-cluster.clock.nowMs());
  await create({ schedule: '*/5 * * * *' });
  await cluster.clock.advance(2 * MINUTE_MS);
  cluster.clock.jumpWallClock(56 * YEAR_MS);
  await cluster.clock.advance(2 * MINUTE_MS);
  assert.equal(startedSlots().length, 1);
});

test('kubectl create job --from=cronjob does not stand in the way', async () => {
  await start({});
  const cronJob = await create({ schedule: '0 0 1 1 *', concurrencyPolicy: 'Forbid' });
  const { name, uid } = cronJob.metadata;
  await cluster.client.create(JobKind, {
    metadata: {
      namespace: 'default',
      name: 'by-hand',
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid, controller: true }],
    },
    spec: cronJob.spec.jobTemplate.spec,
  });
  await cluster.clock.advance(10_000);
  assert.equal((await get()).status.active, undefined);
  cluster.clock.jumpWallClock(365 * DAY_MS);
  await cluster.clock.advance(2 * MINUTE_MS);
  assert.equal((await jobs()).length, 2);
});
