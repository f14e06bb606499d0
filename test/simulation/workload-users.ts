/** Users of StatefulSets, DaemonSets, Jobs and CronJobs. Every choice comes from the seed. */
import { CronJobKind } from '../../shared/api/cron-job.ts';
import { DaemonSetKind } from '../../shared/api/daemon-set.ts';
import { JobKind } from '../../shared/api/job.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { StatefulSetKind } from '../../shared/api/stateful-set.ts';
import type { KindRef } from '../../shared/client/client.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import type { JsonValue } from '../../shared/protocol/exchange.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import { renderCronJob, renderDaemonSet, renderJob, renderStatefulSet } from './workload-drafts.ts';
import type { Workload } from './world.ts';

const NAMESPACE = 'default';
const MAX_ORDINALS = 4;

const NAMES = {
  statefulSets: ['db', 'queue'],
  daemonSets: ['collector', 'probe'],
  jobs: ['import', 'report', 'render'],
  cronJobs: ['tick', 'backup'],
} as const;

type Action = (workload: Workload) => Promise<void>;

/** More likely ones stand more often. */
export const WORKLOAD_ACTIONS: readonly Action[] = [
  createStatefulSet,
  scaleStatefulSet,
  scaleStatefulSet,
  changeStatefulSet,
  changeStatefulSet,
  remover(StatefulSetKind),
  createDaemonSet,
  changeDaemonSet,
  changeDaemonSet,
  remover(DaemonSetKind),
  labelBoard,
  createJob,
  createJob,
  createJob,
  changeJob,
  remover(JobKind),
  createCronJob,
  createCronJob,
  changeCronJob,
  remover(CronJobKind),
];

/** Lifts what would keep workloads from coming to rest. */
export async function makeWorkloadPeace({ client }: Workload): Promise<void> {
  for (const { metadata, spec } of (await client.list(CronJobKind)).items) {
    if (!spec.suspend) await client.patch(CronJobKind, metadata, { type: 'merge', body: { spec: { suspend: true } } });
  }
  for (const { metadata, spec } of (await client.list(JobKind)).items) {
    if (spec.suspend) await client.patch(JobKind, metadata, { type: 'merge', body: { spec: { suspend: false } } });
  }
}

async function createStatefulSet({ client, random, note }: Workload): Promise<void> {
  const name = pick(NAMES.statefulSets, random);
  const draft = renderStatefulSet(name, random);
  note(`create stateful set ${name} x${draft.spec?.replicas} ${draft.spec?.podManagementPolicy}`);
  await client.create(StatefulSetKind, draft);
}

async function scaleStatefulSet(workload: Workload): Promise<void> {
  const replicas = nextInt(workload.random, MAX_ORDINALS + 1);
  await change(workload, StatefulSetKind, `scale to ${replicas}`, { spec: { replicas } });
}

async function changeStatefulSet(workload: Workload): Promise<void> {
  const { random } = workload;
  const image = `app:${1 + nextInt(random, 3)}`;
  const partition = chance(random, 3) ? nextInt(random, 3) : 0;
  const updateStrategy = {
    type: 'RollingUpdate',
    rollingUpdate: { partition, maxUnavailable: 1 + nextInt(random, 2) },
  };
  await change(workload, StatefulSetKind, `set image ${image}, partition ${partition}`, {
    spec: { updateStrategy, ...templateWith(image) },
  });
}

async function createDaemonSet({ client, random, note }: Workload): Promise<void> {
  const name = pick(NAMES.daemonSets, random);
  note(`create daemon set ${name}`);
  await client.create(DaemonSetKind, renderDaemonSet(name, random));
}

async function changeDaemonSet(workload: Workload): Promise<void> {
  const image = `app:${1 + nextInt(workload.random, 3)}`;
  await change(workload, DaemonSetKind, `set image ${image}`, { spec: templateWith(image) });
}

/** Always the same label for the same board: what was demanded of it stays true. */
async function labelBoard({ client, random, note }: Workload): Promise<void> {
  const { items } = await client.list(NodeKind);
  const node = items[nextInt(random, items.length)];
  if (node === undefined) return;
  const zone = Number(node.metadata.name.split('-')[1]) % 2 === 1 ? 'a' : 'b';
  note(`label ${node.metadata.name} zone ${zone}`);
  await client.patch(NodeKind, node.metadata, { type: 'merge', body: { metadata: { labels: { zone } } } });
}

async function createJob({ client, random, note }: Workload): Promise<void> {
  const name = pick(NAMES.jobs, random);
  const draft = renderJob(name, random);
  note(`create job ${name} ${draft.spec?.completionMode} ${draft.spec?.parallelism}/${draft.spec?.completions}`);
  await client.create(JobKind, draft);
}

async function changeJob(workload: Workload): Promise<void> {
  const { random } = workload;
  const spec = chance(random, 2) ? { suspend: chance(random, 2) } : { parallelism: nextInt(random, 4) };
  await change(workload, JobKind, JSON.stringify(spec), { spec });
}

async function createCronJob({ client, random, note }: Workload): Promise<void> {
  const name = pick(NAMES.cronJobs, random);
  const draft = renderCronJob(name, random);
  note(`create cron job ${name} ${draft.spec?.concurrencyPolicy} ${draft.spec?.timeZone ?? 'UTC'}`);
  await client.create(CronJobKind, draft);
}

async function changeCronJob(workload: Workload): Promise<void> {
  const { random } = workload;
  const policy = pick(['Allow', 'Forbid', 'Replace'], random);
  const spec = chance(random, 2) ? { suspend: chance(random, 2) } : { concurrencyPolicy: policy };
  await change(workload, CronJobKind, JSON.stringify(spec), { spec });
}

function remover<T extends KubernetesObject>(kind: KindRef<T>): Action {
  return async (workload) => {
    const object = await anyOf(workload, kind);
    if (object === undefined) return;
    const propagationPolicy = pick(['Background', 'Background', 'Foreground', 'Orphan'] as const, workload.random);
    // An orphaned pod of a job would never end its wait for its counting in this test's time; the rest is adopted again.
    const policy = kind === StatefulSetKind ? propagationPolicy : 'Background';
    workload.note(`delete ${kind.kind} ${object.metadata.name} ${policy}`);
    await workload.client.delete(kind, object.metadata, { propagationPolicy: policy });
  };
}

async function change<T extends KubernetesObject>(
  workload: Workload,
  kind: KindRef<T>,
  what: string,
  body: Record<string, JsonValue>,
): Promise<void> {
  const object = await anyOf(workload, kind);
  if (object === undefined) return;
  workload.note(`${kind.kind} ${object.metadata.name}: ${what}`);
  await workload.client.patch(kind, object.metadata, { type: 'strategic', body });
}

async function anyOf<T extends KubernetesObject>(
  { client, random }: Workload,
  kind: KindRef<T>,
): Promise<T | undefined> {
  const { items } = await client.list(kind, { namespace: NAMESPACE });
  return items[nextInt(random, items.length)];
}

function templateWith(image: string): { template: JsonValue } {
  return { template: { spec: { containers: [{ name: 'main', image }] } } };
}

/** True once in so many times. */
export function chance(random: Random, oneIn: number): boolean {
  return nextInt(random, oneIn) === 0;
}

export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[nextInt(random, items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
