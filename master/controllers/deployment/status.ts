/**
 * The status of a Deployment: sums over its ReplicaSets, and the conditions that `kubectl rollout status` and people read.
 * Pure. Source: Kubernetes, "Deployment status".
 */
import type { Deployment, DeploymentCondition, DeploymentStatus } from '../../../shared/api/deployment.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import { getCondition, removeCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';
import type { Revisions } from './revisions.ts';
import { computeBounds } from './scaling.ts';

export interface StatusInput {
  deployment: Deployment;
  revisions: Revisions;
  nowMs: number;
  /** Name of the ReplicaSet that this step creates. */
  created?: string;
}

/** Reasons of the condition Progressing. */
const PROGRESSING = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  complete: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

type Counts = Required<Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'>>;

export function computeDeploymentStatus(input: StatusInput): DeploymentStatus {
  const { deployment, revisions } = input;
  const { current, old } = revisions;
  const all = [...old, ...(current ? [current] : [])];
  const counts: Counts = {
    replicas: sum(all, 'replicas'),
    updatedReplicas: current?.status.replicas ?? 0,
    readyReplicas: sum(all, 'readyReplicas'),
    availableReplicas: sum(all, 'availableReplicas'),
  };
  const { collisionCount } = deployment.status;
  const conditions = computeConditions(input, counts);
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...counts,
    unavailableReplicas: Math.max(0, deployment.spec.replicas - counts.availableReplicas),
    terminatingReplicas: sum(all, 'terminatingReplicas'),
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
}

/** All wanted pods run the present template, are available, and no older ones are left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { replicas } = deployment.spec;
  return (
    status.updatedReplicas === replicas &&
    status.replicas === replicas &&
    status.availableReplicas === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Milliseconds until the roll-out counts as failed if nothing moves; undefined when it is over or has no deadline. */
export function deadlineInMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const progressing = getCondition(status.conditions, 'Progressing');
  const isWaiting = progressing !== undefined && progressing.status !== 'False' && !isRestingReason(progressing.reason);
  if (!isWaiting || deployment.spec.paused || isComplete(deployment, status)) return undefined;
  const sinceMs = parseTime(progressing.lastUpdateTime) ?? nowMs;
  return Math.max(0, sinceMs + deployment.spec.progressDeadlineSeconds * 1000 - nowMs);
}

function isRestingReason(reason: string | undefined): boolean {
  return reason === PROGRESSING.complete || reason === PROGRESSING.paused;
}

function computeConditions(input: StatusInput, counts: Counts): DeploymentCondition[] {
  const { deployment, revisions, nowMs } = input;
  let conditions = deployment.status.conditions ?? [];
  conditions = put(conditions, availableCondition(deployment, counts), nowMs);
  const progressing = progressingCondition(input, counts);
  if (progressing !== undefined) conditions = put(conditions, progressing, nowMs, isMoving(progressing.reason));
  const failure = [revisions.current, ...revisions.old].flatMap((set) => failureOf(set) ?? []).at(0);
  return failure === undefined ? removeCondition(conditions, 'ReplicaFailure') : put(conditions, failure, nowMs);
}

function availableCondition(deployment: Deployment, counts: Counts): DeploymentCondition {
  const wanted = deployment.spec.replicas - computeBounds(deployment).maxUnavailable;
  return counts.availableReplicas >= wanted
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

/** undefined: it stays as it is. */
function progressingCondition(input: StatusInput, counts: Counts): DeploymentCondition | undefined {
  const { deployment, revisions, created, nowMs } = input;
  const present = getCondition(deployment.status.conditions, 'Progressing');
  const name = revisions.current?.metadata.name ?? created ?? deployment.metadata.name;
  if (deployment.spec.paused) return pausedCondition(present);
  if (present?.reason === PROGRESSING.paused) return moving(PROGRESSING.resumed, 'Deployment is resumed');
  if (created !== undefined) return moving(PROGRESSING.created, `Created new replica set "${created}"`);
  const status = { ...counts, observedGeneration: deployment.metadata.generation };
  if (present?.reason === PROGRESSING.complete && counts.replicas === counts.updatedReplicas) return undefined;
  if (isComplete(deployment, status))
    return moving(PROGRESSING.complete, `ReplicaSet "${name}" has successfully progressed.`);
  if (hasProgressed(deployment.status, counts))
    return moving(PROGRESSING.updated, `ReplicaSet "${name}" is progressing.`);
  if (present === undefined) return revisions.current && moving(PROGRESSING.found, `Found new replica set "${name}"`);
  return hasTimedOut(deployment, present, nowMs) ? timedOut(name) : undefined;
}

function pausedCondition(present: DeploymentCondition | undefined): DeploymentCondition | undefined {
  // A roll-out that had failed before the pause stays failed.
  if (present?.reason === PROGRESSING.timedOut) return undefined;
  return { type: 'Progressing', status: 'Unknown', reason: PROGRESSING.paused, message: 'Deployment is paused' };
}

function moving(reason: string, message: string): DeploymentCondition {
  return { type: 'Progressing', status: 'True', reason, message };
}

function timedOut(name: string): DeploymentCondition {
  const message = `ReplicaSet "${name}" has timed out progressing.`;
  return { type: 'Progressing', status: 'False', reason: PROGRESSING.timedOut, message };
}

/** These say that something moved just now, so that the deadline starts anew. */
function isMoving(reason: string | undefined): boolean {
  return reason === PROGRESSING.updated;
}

/** More new pods, fewer old ones, or more that are ready or available, than at the last look. */
function hasProgressed(before: DeploymentStatus, now: Counts): boolean {
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = before;
  return (
    now.updatedReplicas > updatedReplicas ||
    now.replicas - now.updatedReplicas < replicas - updatedReplicas ||
    now.readyReplicas > readyReplicas ||
    now.availableReplicas > availableReplicas
  );
}

function hasTimedOut(deployment: Deployment, present: DeploymentCondition, nowMs: number): boolean {
  if (present.reason === PROGRESSING.complete) return false;
  if (present.reason === PROGRESSING.timedOut) return true;
  const sinceMs = parseTime(present.lastUpdateTime);
  return sinceMs !== undefined && nowMs > sinceMs + deployment.spec.progressDeadlineSeconds * 1000;
}

function failureOf(replicaSet: ReplicaSet | undefined): DeploymentCondition | undefined {
  const failure = getCondition(replicaSet?.status.conditions, 'ReplicaFailure');
  if (failure === undefined) return undefined;
  const { status, reason, message } = failure;
  return { type: 'ReplicaFailure', status, reason, message };
}

/** Replaces the condition of that type when it says something else, or when `isNews` though it says the same. */
function put(
  conditions: DeploymentCondition[],
  next: DeploymentCondition,
  nowMs: number,
  isNews = false,
): DeploymentCondition[] {
  const present = getCondition(conditions, next.type);
  const isSame = present?.status === next.status && present.reason === next.reason && present.message === next.message;
  if (isSame && !isNews) return conditions;
  const now = formatTime(nowMs);
  const lastTransitionTime = present?.status === next.status ? (present.lastTransitionTime ?? now) : now;
  const stamped = { ...next, lastUpdateTime: now, lastTransitionTime };
  return present === undefined
    ? [...conditions, stamped]
    : conditions.map((condition) => (condition === present ? stamped : condition));
}

function sum(
  replicaSets: readonly ReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas',
): number {
  return replicaSets.reduce((total, { status }) => total + (status[field] ?? 0), 0);
}
