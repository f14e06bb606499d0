/**
 * How many replicas each ReplicaSet of a Deployment should have. Pure arithmetic on a Scale: the ReplicaSets with their
 * wanted and available numbers. Source: Kubernetes, "Deployments: Rolling Update, Proportional scaling".
 * Invariant: while rolling, the wanted total is never above replicas + maxSurge, and pods are given up only so far that
 * replicas − maxUnavailable stay available.
 */
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import { resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { DESIRED_REPLICAS_ANNOTATION, MAX_REPLICAS_ANNOTATION, type Revisions } from './revisions.ts';

export interface Bounds {
  maxSurge: number;
  maxUnavailable: number;
}

/** Wanted replicas by uid, for those that change. */
export type Scales = ReadonlyMap<string, number>;

const NO_CHANGE: Scales = new Map();

/** Both zero would never move: then one pod may be missing. Recreate knows neither. */
export function computeBounds({ spec }: Deployment): Bounds {
  if (spec.strategy.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, spec.replicas, 'up');
  const unavailable = resolveIntOrPercent(maxUnavailable, spec.replicas, 'down');
  return {
    maxSurge: surge,
    maxUnavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, spec.replicas),
  };
}

/** Replicas of the ReplicaSet of the present template, existing or to be created. */
export function computeNewReplicas(deployment: Deployment, { current, old }: Revisions): number {
  const { replicas, strategy } = deployment.spec;
  const present = current?.spec.replicas ?? 0;
  if (strategy.type === 'Recreate' || present > replicas) return replicas;
  const room = replicas + computeBounds(deployment).maxSurge - wantedBy([...old, ...(current ? [current] : [])]);
  return room <= 0 ? present : present + Math.min(room, replicas - present);
}

/** Scales old ReplicaSets down as far as the pods that are available allow; those that never got ready go first. */
export function computeOldScales(deployment: Deployment, revisions: Revisions): Scales {
  const { current, old } = revisions;
  if (wantedBy(old) === 0) return NO_CHANGE;
  const all = [...old, ...(current ? [current] : [])];
  const minAvailable = deployment.spec.replicas - computeBounds(deployment).maxUnavailable;
  const newUnavailable = current === undefined ? 0 : current.spec.replicas - availableOf(current);
  const spare = wantedBy(all) - minAvailable - newUnavailable;
  if (spare <= 0) return NO_CHANGE;
  const scales = new Map(old.map((replicaSet) => [replicaSet.metadata.uid, replicaSet.spec.replicas]));
  takeUnhealthy(scales, old, spare);
  takeHealthy(scales, old, availableBy(all) - minAvailable);
  return changesOf(scales, old);
}

/** Pods that are not available are no loss. */
function takeUnhealthy(scales: Map<string, number>, old: readonly ReplicaSet[], spare: number): void {
  let left = spare;
  for (const replicaSet of old) {
    const taken = Math.min(left, replicaSet.spec.replicas - availableOf(replicaSet));
    take(scales, replicaSet, taken);
    left -= taken;
  }
}

function takeHealthy(scales: Map<string, number>, old: readonly ReplicaSet[], spare: number): void {
  let left = spare;
  for (const replicaSet of old) {
    if (left <= 0) return;
    const taken = Math.min(left, scales.get(replicaSet.metadata.uid) ?? 0);
    take(scales, replicaSet, taken);
    left -= taken;
  }
}

function take(scales: Map<string, number>, { metadata }: ReplicaSet, count: number): void {
  scales.set(metadata.uid, (scales.get(metadata.uid) ?? 0) - count);
}

/** The number of wanted replicas was changed, by hand or by an autoscaler, since the ReplicaSets were last scaled. */
export function isScalingEvent(deployment: Deployment, replicaSets: readonly ReplicaSet[]): boolean {
  return replicaSets.filter(isActive).some(({ metadata }) => {
    const desired = metadata.annotations?.[DESIRED_REPLICAS_ANNOTATION];
    return desired !== undefined && Number(desired) !== deployment.spec.replicas;
  });
}

/** Spreads a changed number of replicas over the ReplicaSets in proportion to their size, without going on rolling out. */
export function computeProportionalScales(deployment: Deployment, revisions: Revisions): Scales {
  const { replicas } = deployment.spec;
  const { current, old } = revisions;
  const all = [...old, ...(current ? [current] : [])];
  const only = onlyActiveOrLatest(revisions);
  if (only !== undefined) return changesOf(new Map([[only.metadata.uid, replicas]]), all);
  if (current !== undefined && isSaturated(deployment, current)) {
    return changesOf(new Map(old.map(({ metadata }) => [metadata.uid, 0])), all);
  }
  return deployment.spec.strategy.type === 'RollingUpdate'
    ? scaleInProportion(deployment, all.filter(isActive))
    : NO_CHANGE;
}

function scaleInProportion(deployment: Deployment, active: readonly ReplicaSet[]): Scales {
  const { replicas } = deployment.spec;
  const total = wantedBy(active);
  const allowed = replicas > 0 ? replicas + computeBounds(deployment).maxSurge : 0;
  let left = allowed - total;
  // The largest first and, among equals, the newest when growing and the oldest when shrinking.
  const newestFirst = [...active].reverse();
  const order = (left > 0 ? newestFirst : [...active]).sort((a, b) => b.spec.replicas - a.spec.replicas);
  const scales = new Map<string, number>();
  for (const replicaSet of order) {
    const share = shareOf(replicaSet, { allowed, total, left });
    scales.set(replicaSet.metadata.uid, replicaSet.spec.replicas + share);
    left -= share;
  }
  const [first] = order;
  if (first !== undefined && left !== 0) {
    scales.set(first.metadata.uid, Math.max(0, (scales.get(first.metadata.uid) ?? 0) + left));
  }
  return changesOf(scales, active);
}

/** What this ReplicaSet gains or loses of the difference, by its share in what was allowed before. */
function shareOf(replicaSet: ReplicaSet, sums: { allowed: number; total: number; left: number }): number {
  if (sums.left === 0) return 0;
  const before = Number(replicaSet.metadata.annotations?.[MAX_REPLICAS_ANNOTATION] ?? sums.total) || sums.total;
  const fraction = Math.round((replicaSet.spec.replicas * sums.allowed) / before) - replicaSet.spec.replicas;
  return sums.left > 0 ? Math.max(0, Math.min(fraction, sums.left)) : Math.min(0, Math.max(fraction, sums.left));
}

/** The one ReplicaSet that has replicas, or the newest when none has; undefined when there are several or none at all. */
function onlyActiveOrLatest({ current, old }: Revisions): ReplicaSet | undefined {
  const active = [...old, ...(current ? [current] : [])].filter(isActive);
  if (active.length > 1) return undefined;
  return active[0] ?? current ?? old.at(-1);
}

function isSaturated(deployment: Deployment, replicaSet: ReplicaSet): boolean {
  const { replicas } = deployment.spec;
  return replicaSet.spec.replicas === replicas && availableOf(replicaSet) === replicas;
}

export function isActive(replicaSet: ReplicaSet): boolean {
  return replicaSet.spec.replicas > 0;
}

export function wantedBy(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, { spec }) => sum + spec.replicas, 0);
}

/** Of those that shall stay: a status may be older than the last scaling. */
function availableOf({ spec, status }: ReplicaSet): number {
  return Math.min(spec.replicas, status.availableReplicas ?? 0);
}

function availableBy(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + availableOf(replicaSet), 0);
}

function changesOf(scales: Scales, replicaSets: readonly ReplicaSet[]): Scales {
  const present = new Map(replicaSets.map(({ metadata, spec }) => [metadata.uid, spec.replicas]));
  return new Map([...scales].filter(([uid, replicas]) => present.get(uid) !== replicas));
}
