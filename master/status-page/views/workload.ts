/** Workloads of every kind as one shape: how many pods are wanted, how many are ready, and what that means. Pure. */
import type { CronJob } from '../../../shared/api/cron-job.ts';
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { Job } from '../../../shared/api/job.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import type { StatefulSet } from '../../../shared/api/stateful-set.ts';
import { getCondition, isConditionTrue } from '../../../shared/machinery/conditions.ts';
import type { ObjectMeta } from '../../../shared/schema/object-meta.ts';
import { ownerOf } from './owner.ts';
import { shorten } from './text.ts';
import type { Level, WorkloadView } from './view-types.ts';

const MAX_IMAGES = 8;

interface Template {
  spec?: { containers?: readonly { image?: string }[] };
}

interface Facts {
  kind: string;
  metadata: ObjectMeta;
  template: Template | undefined;
}

type Numbers = Pick<WorkloadView, 'level' | 'state' | 'wanted' | 'ready' | 'updated' | 'scalable'>;

function view({ kind, metadata, template }: Facts, numbers: Numbers): WorkloadView {
  const images = (template?.spec?.containers ?? []).map(({ image }) => shorten(image));
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    owner: ownerOf(metadata),
    images: images.slice(0, MAX_IMAGES),
    createdAt: metadata.creationTimestamp,
    ...numbers,
  };
}

export function computeDeployment({ metadata, spec, status }: Deployment): WorkloadView {
  const [wanted, ready, updated] = [spec.replicas, status.readyReplicas ?? 0, status.updatedReplicas ?? 0];
  const available = status.availableReplicas ?? 0;
  const isStuck = getCondition(status.conditions, 'Progressing')?.reason === 'ProgressDeadlineExceeded';
  const isAvailable = isConditionTrue(status.conditions, 'Available');
  const level =
    available >= wanted && updated >= wanted && !isStuck ? 'ok' : isAvailable && !isStuck ? 'warning' : 'problem';
  const rolling = updated < wanted ? `, ${updated} up to date` : '';
  const state = isStuck
    ? `stuck: ${available} of ${wanted} available${rolling}`
    : `${available} of ${wanted} available${rolling}`;
  const facts = { kind: 'Deployment', metadata, template: spec.template };
  if (spec.paused === true)
    return view(facts, { ...{ wanted, ready, updated, scalable: true }, level: 'warning', state: `paused, ${state}` });
  return view(facts, { ...{ wanted, ready, updated, scalable: true }, ...calmWhenNone(wanted, level, state) });
}

/** Old revisions, which want nothing and have nothing, are not shown. */
export function computeReplicaSet({ metadata, spec, status }: ReplicaSet): WorkloadView | undefined {
  const [wanted, ready] = [spec.replicas ?? 0, status.readyReplicas ?? 0];
  if (wanted === 0 && (status.replicas ?? 0) === 0) return undefined;
  const facts = { kind: 'ReplicaSet', metadata, template: spec.template };
  return view(facts, { wanted, ready, updated: ready, scalable: true, ...byReady(wanted, ready) });
}

export function computeStatefulSet({ metadata, spec, status }: StatefulSet): WorkloadView {
  const [wanted, ready] = [spec.replicas ?? 0, status.readyReplicas ?? 0];
  const facts = { kind: 'StatefulSet', metadata, template: spec.template };
  return view(facts, {
    wanted,
    ready,
    updated: status.updatedReplicas ?? 0,
    scalable: true,
    ...byReady(wanted, ready),
  });
}

export function computeDaemonSet({ metadata, spec, status }: DaemonSet): WorkloadView {
  const [wanted, ready] = [status.desiredNumberScheduled, status.numberReady];
  const facts = { kind: 'DaemonSet', metadata, template: spec.template };
  const numbers = { wanted, ready, updated: status.updatedNumberScheduled ?? 0, scalable: false };
  return view(facts, { ...numbers, ...byReady(wanted, ready) });
}

export function computeJob({ metadata, spec, status }: Job): WorkloadView {
  const wanted = spec.completions ?? 1;
  const succeeded = status.succeeded ?? 0;
  const failed = getCondition(status.conditions, 'Failed');
  const isComplete = isConditionTrue(status.conditions, 'Complete');
  const state =
    failed?.status === 'True'
      ? `failed: ${shorten(failed.message)}`
      : isComplete
        ? 'complete'
        : spec.suspend === true
          ? 'suspended'
          : `${succeeded} of ${wanted} done, ${status.active ?? 0} active`;
  const level = failed?.status === 'True' ? 'problem' : isComplete || spec.suspend === true ? 'quiet' : 'ok';
  const facts = { kind: 'Job', metadata, template: spec.template };
  return view(facts, { level, state, wanted, ready: succeeded, updated: succeeded, scalable: false });
}

export function computeCronJob({ metadata, spec, status }: CronJob): WorkloadView {
  const active = status.active?.length ?? 0;
  const state = spec.suspend === true ? `suspended, ${spec.schedule}` : `${spec.schedule}, ${active} active`;
  const facts = { kind: 'CronJob', metadata, template: spec.jobTemplate?.spec?.template };
  const level = spec.suspend === true ? 'quiet' : 'ok';
  return view(facts, { level, state: shorten(state), wanted: active, ready: active, updated: active, scalable: false });
}

function byReady(wanted: number, ready: number): { level: Level; state: string } {
  const level = ready >= wanted ? 'ok' : ready === 0 ? 'problem' : 'warning';
  return calmWhenNone(wanted, level, `${ready} of ${wanted} ready`);
}

function calmWhenNone(wanted: number, level: Level, state: string): { level: Level; state: string } {
  return wanted === 0 ? { level: 'quiet', state: 'none wanted' } : { level, state };
}
