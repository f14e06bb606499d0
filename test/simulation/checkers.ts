/** Named safety properties of a cluster, looked at from outside after each step; each returns what it found wrong. */
import type { DaemonSet } from '../../shared/api/daemon-set.ts';
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Job } from '../../shared/api/job.ts';
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { StatefulSet } from '../../shared/api/stateful-set.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import { quantityToBytes, quantityToMillis } from '../../shared/machinery/quantity.ts';

/** What is seen of the world: API objects, and what really runs on each board. */
export interface Observation {
  pods: readonly Pod[];
  nodes: readonly Node[];
  deployments: readonly Deployment[];
  statefulSets: readonly StatefulSet[];
  daemonSets: readonly DaemonSet[];
  jobs: readonly Job[];
  /** By board: pod uid → names of its running containers. */
  running: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
}

export type Checker = (observation: Observation) => string[];

/** A pod's uid runs on one board only, and no container of it twice. */
export const oneCopyPerPod: Checker = ({ running }) => {
  const seenOn = new Map<string, string>();
  const complaints: string[] = [];
  for (const [board, pods] of running) {
    for (const [uid, containers] of pods) {
      const other = seenOn.get(uid);
      if (other !== undefined) complaints.push(`pod ${uid} runs on ${other} and on ${board}`);
      seenOn.set(uid, board);
      if (new Set(containers).size < containers.length)
        complaints.push(`pod ${uid} runs a container twice: ${containers}`);
    }
  }
  return complaints;
};

/** What is bound to a board fits it. */
export const neverOverAllocatable: Checker = ({ pods, nodes }) =>
  nodes.flatMap((node) => {
    const bound = pods.filter((pod) => pod.spec.nodeName === node.metadata.name && !isTerminal(pod));
    const cpuMillis = sum(bound, (pod) => requestOf(pod, 'cpu', quantityToMillis));
    const memoryBytes = sum(bound, (pod) => requestOf(pod, 'memory', quantityToBytes));
    const allocatable = node.status.allocatable ?? {};
    const name = node.metadata.name;
    return [
      ...complainIf(cpuMillis > quantityToMillis(allocatable['cpu'] ?? '0'), `${name}: ${cpuMillis}m CPU requested`),
      ...complainIf(
        memoryBytes > quantityToBytes(allocatable['memory'] ?? '0'),
        `${name}: ${memoryBytes} bytes requested`,
      ),
    ];
  });

/** A pod that is bound never moves to another board. */
export function boundPodsStay(): Checker {
  const boards = new Map<string, string>();
  return ({ pods }) =>
    pods.flatMap((pod) => {
      const { nodeName } = pod.spec;
      const before = boards.get(pod.metadata.uid);
      if (nodeName !== undefined) boards.set(pod.metadata.uid, nodeName);
      return complainIf(
        before !== undefined && before !== nodeName,
        `pod ${pod.metadata.name} moved from ${before} to ${nodeName}`,
      );
    });
}

/**
 * A rolling update never has more pods than wanted and surge allow; pods that are on their way out do not count. `wantedOf`:
 * the most that its controller may still know of.
 */
export function neverAboveSurge(wantedOf: (deployment: Deployment) => number): Checker {
  return ({ pods, deployments }) =>
    deployments.flatMap((deployment) => aboveSurge(deployment, pods, wantedOf(deployment)));
}

function aboveSurge(deployment: Deployment, pods: readonly Pod[], known: number): string[] {
  const { name } = deployment.metadata;
  const alive = pods.filter((pod) => belongsTo(pod, deployment) && !isTerminal(pod) && !pod.metadata.deletionTimestamp);
  // 25 % rounded up, and replicas as of before a scale-down that is under way.
  const wanted = Math.max(known, deployment.spec.replicas, deployment.status.replicas ?? 0);
  const limit = wanted + Math.max(1, Math.ceil(wanted * 0.25));
  return complainIf(alive.length > limit, `deployment ${name} has ${alive.length} pods, more than ${limit}`);
}

/** At the end, when faults have stopped: what was asked for is what there is. */
export const converged: Checker = (observation) => [
  ...observation.deployments.flatMap((deployment) => deploymentConverged(deployment, observation)),
  ...observation.pods.flatMap((pod) => podConverged(pod, observation)),
  ...nothingLeftBehind(observation),
  ...observation.nodes.flatMap((node) => {
    const ready = node.status.conditions?.find((condition) => condition.type === 'Ready')?.status;
    return complainIf(ready !== 'True', `node ${node.metadata.name} is not ready: ${ready}`);
  }),
];

function deploymentConverged(deployment: Deployment, { pods }: Observation): string[] {
  const { name } = deployment.metadata;
  const { replicas } = deployment.spec;
  const mine = pods.filter((pod) => belongsTo(pod, deployment));
  const image = deployment.spec.template.spec?.containers?.[0]?.image;
  const stale = mine.filter((pod) => pod.spec.containers[0]?.image !== image);
  const available = deployment.status.availableReplicas ?? 0;
  return [
    ...complainIf(mine.length !== replicas, `deployment ${name} wants ${replicas} pods and has ${mine.length}`),
    ...complainIf(available !== replicas, `deployment ${name} wants ${replicas} pods, ${available} are available`),
    ...complainIf(stale.length > 0, `deployment ${name} has pods of an old template`),
  ];
}

function podConverged(pod: Pod, { running }: Observation): string[] {
  const { name, uid } = pod.metadata;
  // Pods of jobs are meant to end.
  if (controllerOf(pod)?.kind === 'Job') return [];
  const containers = running.get(pod.spec.nodeName ?? '')?.get(uid) ?? [];
  const wanted = pod.spec.containers.length;
  return [
    ...complainIf(pod.status.phase !== 'Running', `pod ${name} is ${pod.status.phase}`),
    ...complainIf(containers.length !== wanted, `pod ${name} runs ${containers.length} of ${wanted} containers`),
  ];
}

function nothingLeftBehind({ pods, running }: Observation): string[] {
  const uids = new Set(pods.map((pod) => pod.metadata.uid));
  return [...running].flatMap(([board, byUid]) =>
    [...byUid.keys()].filter((uid) => !uids.has(uid)).map((uid) => `pod ${uid} still runs on ${board} but is deleted`),
  );
}

function belongsTo(pod: Pod, deployment: Deployment): boolean {
  return pod.metadata.labels?.['app'] === deployment.metadata.name;
}

function isTerminal(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
}

function requestOf(pod: Pod, resource: string, parse: (text: string) => number): number {
  return sum(pod.spec.containers, (container) => parse(container.resources?.requests?.[resource] ?? '0'));
}

function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}

function complainIf(wrong: boolean, complaint: string): string[] {
  return wrong ? [complaint] : [];
}
