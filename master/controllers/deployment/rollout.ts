/**
 * The plan of one Deployment: one step from what there is towards what is wanted. Pure; the next look at the state plans
 * the next step, so that a step that failed or came too late is simply planned again.
 */
import type { Deployment, DeploymentStatus } from '../../../shared/api/deployment.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { isControlledBy } from '../../../shared/machinery/owner-references.ts';
import type { ActionOf } from '../actions.ts';
import {
  computeRevision,
  computeRevisionAnnotations,
  computeRevisions,
  computeTemplateHash,
  DESIRED_REPLICAS_ANNOTATION,
  MAX_REPLICAS_ANNOTATION,
  REVISION_ANNOTATION,
  type Revisions,
  revisionOf,
} from './revisions.ts';
import {
  computeBounds,
  computeNewReplicas,
  computeOldScales,
  computeProportionalScales,
  isScalingEvent,
  type Scales,
} from './scaling.ts';
import { computeDeploymentStatus, deadlineInMs, isComplete } from './status.ts';

export interface DeploymentActions {
  createReplicaSet: { name: string; hash: string; replicas: number; annotations: Record<string, string> };
  updateReplicaSet: { replicaSet: ReplicaSet; replicas: number; annotations: Record<string, string> };
  deleteReplicaSet: { replicaSet: ReplicaSet };
  /** kubectl reads the present revision from the Deployment itself. */
  setRevision: { revision: string };
  updateStatus: { status: DeploymentStatus };
}

export type DeploymentAction = ActionOf<DeploymentActions>;

export interface DeploymentState {
  deployment: Deployment;
  /** Those that it owns and selects. */
  replicaSets: readonly ReplicaSet[];
  /** Pods of those ReplicaSets, for Recreate; ended ones included. */
  pods: readonly Pod[];
  nowMs: number;
}

export interface DeploymentPlan {
  actions: DeploymentAction[];
  /** When to look again though nothing happened: the progress deadline. */
  requeueAfterMs: number | undefined;
}

interface Step {
  create?: DeploymentActions['createReplicaSet'];
  scales: Scales;
}

const NO_STEP: Step = { scales: new Map() };

export function computeDeploymentRollout(state: DeploymentState): DeploymentPlan {
  const { deployment, replicaSets, nowMs } = state;
  const revisions = computeRevisions(deployment, replicaSets);
  const isGoing = deployment.metadata.deletionTimestamp !== undefined;
  const step = isGoing ? NO_STEP : computeStep(state, revisions);
  const created = step.create === undefined ? {} : { created: step.create.name };
  const status = computeDeploymentStatus({ deployment, revisions, nowMs, ...created });
  const work = isGoing ? [] : renderWork(deployment, revisions, { step, status });
  const isNews = !jsonEqual(status, deployment.status);
  return {
    actions: [...work, ...(isNews ? [{ type: 'updateStatus' as const, status }] : [])],
    requeueAfterMs: isGoing ? undefined : deadlineInMs(deployment, status, nowMs),
  };
}

function computeStep(state: DeploymentState, revisions: Revisions): Step {
  const { deployment, replicaSets } = state;
  if (deployment.spec.paused || isScalingEvent(deployment, replicaSets)) {
    return { scales: computeProportionalScales(deployment, revisions) };
  }
  if (deployment.spec.strategy.type === 'Recreate') return computeRecreateStep(state, revisions);
  const newStep = computeNewStep(deployment, revisions);
  if (newStep !== undefined) return newStep;
  return { scales: computeOldScales(deployment, revisions) };
}

/** Recreate: everything old goes, and only when it is gone the new comes. */
function computeRecreateStep({ deployment, pods }: DeploymentState, revisions: Revisions): Step {
  const down = revisions.old.filter(({ spec }) => spec.replicas > 0).map(({ metadata }) => [metadata.uid, 0] as const);
  if (down.length > 0) return { scales: new Map(down) };
  const hasOldPods = pods.some((pod) => !hasEnded(pod) && revisions.old.some((old) => isControlledBy(pod, old)));
  return hasOldPods ? NO_STEP : (computeNewStep(deployment, revisions) ?? NO_STEP);
}

function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

/** Creates or scales the ReplicaSet of the present template; undefined when it is as it should be. */
function computeNewStep(deployment: Deployment, revisions: Revisions): Step | undefined {
  const replicas = computeNewReplicas(deployment, revisions);
  const { current } = revisions;
  if (current === undefined) return { create: renderNew(deployment, revisions, replicas), scales: new Map() };
  return current.spec.replicas === replicas ? undefined : { scales: new Map([[current.metadata.uid, replicas]]) };
}

function renderNew(deployment: Deployment, revisions: Revisions, replicas: number) {
  const hash = computeTemplateHash(deployment.spec.template, deployment.status.collisionCount ?? 0);
  const annotations = { ...computeRevisionAnnotations(deployment, revisions), ...sizeAnnotations(deployment) };
  return { name: `${deployment.metadata.name}-${hash}`, hash, replicas, annotations };
}

function renderWork(
  deployment: Deployment,
  revisions: Revisions,
  { step, status }: { step: Step; status: DeploymentStatus },
): DeploymentAction[] {
  const { current, old } = revisions;
  const all = [...old, ...(current ? [current] : [])];
  const updates = all.flatMap((replicaSet) => computeUpdate(deployment, { replicaSet, revisions, step }) ?? []);
  const revision = String(computeRevision(revisions));
  const isRevisionKnown = current !== undefined || step.create !== undefined;
  const isRevisionNews = isRevisionKnown && deployment.metadata.annotations?.[REVISION_ANNOTATION] !== revision;
  return [
    ...(step.create === undefined ? [] : [{ type: 'createReplicaSet' as const, ...step.create }]),
    ...updates,
    ...(isRevisionNews ? [{ type: 'setRevision' as const, revision }] : []),
    ...computeCleanup(deployment, old, status),
  ];
}

/** One update a ReplicaSet: its new size, and the annotations that go with size and revision. */
function computeUpdate(
  deployment: Deployment,
  { replicaSet, revisions, step }: { replicaSet: ReplicaSet; revisions: Revisions; step: Step },
): DeploymentAction | undefined {
  const scaled = step.scales.get(replicaSet.metadata.uid);
  const replicas = scaled ?? replicaSet.spec.replicas;
  const isSized = scaled !== undefined || replicas > 0;
  const ofRevision = replicaSet === revisions.current ? computeRevisionAnnotations(deployment, revisions) : {};
  const annotations = {
    ...replicaSet.metadata.annotations,
    ...ofRevision,
    ...(isSized ? sizeAnnotations(deployment) : {}),
  };
  const isSame = scaled === undefined && jsonEqual(annotations, replicaSet.metadata.annotations ?? {});
  const { minReadySeconds = 0 } = deployment.spec;
  const isPatient = replicaSet !== revisions.current || (replicaSet.spec.minReadySeconds ?? 0) === minReadySeconds;
  return isSame && isPatient ? undefined : { type: 'updateReplicaSet', replicaSet, replicas, annotations };
}

function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const { replicas } = deployment.spec;
  return {
    [DESIRED_REPLICAS_ANNOTATION]: String(replicas),
    [MAX_REPLICAS_ANNOTATION]: String(replicas + computeBounds(deployment).maxSurge),
  };
}

/** Old ReplicaSets beyond the history limit go once the roll-out is over, the oldest revisions first. */
function computeCleanup(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  status: DeploymentStatus,
): DeploymentAction[] {
  if (!deployment.spec.paused && !isComplete(deployment, status)) return [];
  const empty = old.filter(
    ({ spec, status: { replicas, observedGeneration = 0 }, metadata }) =>
      spec.replicas === 0 &&
      replicas === 0 &&
      observedGeneration >= (metadata.generation ?? 0) &&
      metadata.deletionTimestamp === undefined,
  );
  const excess = empty.length - deployment.spec.revisionHistoryLimit;
  if (excess <= 0) return [];
  const oldestFirst = [...empty].sort((a, b) => revisionOf(a) - revisionOf(b));
  return oldestFirst.slice(0, excess).map((replicaSet) => ({ type: 'deleteReplicaSet', replicaSet }));
}
