/** Pure: where a pod is in its life, by its containers. Source: Kubernetes documentation, "Pod phase"; pkg/kubelet getPhase. */
import type { ContainerStatus } from '../../../shared/api/container-status.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { findContainer, isSidecar } from '../pod/pod-containers.ts';
import { runsAgain } from '../pod/restart-policy.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  spec: PodSpec;
  statuses: readonly ContainerStatus[];
  initStatuses: readonly ContainerStatus[];
  /** Nothing will start any more: the pod was deleted, or has failed. */
  isTerminal: boolean;
}

export function computePodPhase({ spec, statuses, initStatuses, isTerminal }: PhaseInput): PodPhase {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const inits = initStatuses.filter(({ name }) => !sidecars.has(name));
  if (inits.some((status) => hasFailed(status) && !willRunAgain(spec, status))) return 'Failed';
  const ended = statuses.filter(isOver);
  // The work is done and its companions are told to end: the pod is over when they have.
  const hasCompany = initStatuses.some(({ name, state }) => sidecars.has(name) && state.running !== undefined);
  if (hasCompany && !isTerminal && ended.length === statuses.length) return 'Running';
  if (ended.length === statuses.length) return computeFinalPhase(spec, ended, isTerminal);
  if (statuses.some(({ state }) => state.running)) return 'Running';
  // Nothing runs: a pod that has run before is between two runs.
  if (isTerminal) return 'Failed';
  return statuses.every((status) => hasRun(status)) ? 'Running' : 'Pending';
}

function computeFinalPhase(spec: PodSpec, ended: readonly ContainerStatus[], isTerminal: boolean): PodPhase {
  const allSucceeded = ended.every(({ state }) => state.terminated?.exitCode === 0);
  if (isTerminal) return allSucceeded ? 'Succeeded' : 'Failed';
  if (ended.some((status) => willRunAgain(spec, status))) return 'Running';
  return allSucceeded ? 'Succeeded' : 'Failed';
}

function willRunAgain(spec: PodSpec, { name, state }: ContainerStatus): boolean {
  const placed = findContainer(spec, name);
  return placed !== undefined && runsAgain(spec, placed, state.terminated?.exitCode ?? 0);
}

function isOver({ state }: ContainerStatus): boolean {
  return state.terminated !== undefined;
}

function hasFailed({ state }: ContainerStatus): boolean {
  return state.terminated !== undefined && state.terminated.exitCode !== 0;
}

function hasRun({ state, lastState }: ContainerStatus): boolean {
  return state.terminated !== undefined || lastState.terminated !== undefined;
}
