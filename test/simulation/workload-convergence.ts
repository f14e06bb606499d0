/** What StatefulSets, DaemonSets and Jobs must have reached some time after the faults have stopped. */
import type { DaemonSet } from '../../shared/api/daemon-set.ts';
import type { Job } from '../../shared/api/job.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { StatefulSet } from '../../shared/api/stateful-set.ts';
import { isConditionTrue } from '../../shared/machinery/conditions.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import type { Checker, Observation } from './checkers.ts';

export const workloadsConverged: Checker = (observation) => [
  ...observation.statefulSets.flatMap((set) => statefulSetConverged(set, observation)),
  ...observation.daemonSets.flatMap((set) => daemonSetConverged(set, observation)),
  ...observation.jobs.flatMap((job) => jobConverged(job, observation)),
];

function statefulSetConverged(set: StatefulSet, { pods }: Observation): string[] {
  const { replicas, updateStrategy } = set.spec;
  const { name } = set.metadata;
  const mine = podsOf(set, pods);
  const names = mine.map(({ metadata }) => metadata.name).sort();
  const wanted = Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}`).sort();
  const { partition = 0 } = updateStrategy.rollingUpdate ?? {};
  const stale = mine.filter((pod) => ordinalOf(pod) >= partition && imageOf(pod) !== imageOf(set.spec.template));
  const { readyReplicas = 0, observedGeneration } = set.status;
  return [
    ...complainIf(String(names) !== String(wanted), `stateful set ${name} wants ${wanted} and has ${names}`),
    ...complainIf(
      readyReplicas !== replicas,
      `stateful set ${name} wants ${replicas} pods, ${readyReplicas} are ready`,
    ),
    ...complainIf(stale.length > 0, `stateful set ${name} has ${stale.length} pods of an old template`),
    ...complainIf(observedGeneration !== set.metadata.generation, `stateful set ${name} has an old status`),
  ];
}

function daemonSetConverged(set: DaemonSet, { pods, nodes }: Observation): string[] {
  const { name } = set.metadata;
  const wanted = Object.entries(set.spec.template.spec.nodeSelector ?? {});
  const boards = nodes.filter(({ metadata }) => wanted.every(([key, value]) => metadata.labels?.[key] === value));
  const mine = podsOf(set, pods);
  const stale = mine.filter((pod) => imageOf(pod) !== imageOf(set.spec.template));
  const { numberAvailable = 0, desiredNumberScheduled } = set.status;
  const where = `daemon set ${name}`;
  return [
    ...complainIf(mine.length !== boards.length, `${where} wants ${boards.length} pods and has ${mine.length}`),
    ...complainIf(desiredNumberScheduled !== boards.length, `${where} says ${desiredNumberScheduled} boards`),
    ...complainIf(numberAvailable !== boards.length, `${where} has ${numberAvailable} available pods`),
    ...complainIf(stale.length > 0, `${where} has pods of an old template`),
  ];
}

/** It is over, all of its pods have ended, and each has been counted and set free. */
function jobConverged(job: Job, { pods }: Observation): string[] {
  const { name } = job.metadata;
  if (job.spec.parallelism === 0) return [];
  const isOver = isConditionTrue(job.status.conditions, 'Complete') || isConditionTrue(job.status.conditions, 'Failed');
  const mine = podsOf(job, pods);
  const running = mine.filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed');
  const waiting = mine.filter(({ metadata }) => (metadata.finalizers ?? []).length > 0);
  return [
    ...complainIf(!isOver, `job ${name} is not over`),
    ...complainIf(running.length > 0, `job ${name} still has ${running.length} pods`),
    ...complainIf(waiting.length > 0, `job ${name} has ${waiting.length} pods that wait to be counted`),
  ];
}

function podsOf(owner: { metadata: { uid: string } }, pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid);
}

function ordinalOf({ metadata }: Pod): number {
  return Number(metadata.name.split('-').at(-1));
}

function imageOf({ spec }: { spec: { containers: readonly { image?: string }[] } }): string | undefined {
  return spec.containers[0]?.image;
}

function complainIf(wrong: boolean, complaint: string): string[] {
  return wrong ? [complaint] : [];
}
