/** Pure: a pod's conditions. Source: Kubernetes documentation, "Pod conditions"; pkg/kubelet/status/generate.go. */
import type { ContainerStatus } from '../../../shared/api/container-status.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodCondition } from '../../../shared/api/pod-status.ts';
import { isConditionTrue, setCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { isSidecar } from '../pod/pod-containers.ts';
import type { PodEnding } from '../pod/pod-gate.ts';
import type { PodPhase } from './pod-phase.ts';

export interface ConditionsInput {
  pod: Pod;
  phase: PodPhase;
  statuses: readonly ContainerStatus[];
  initStatuses: readonly ContainerStatus[];
  hasSandbox: boolean;
  isInitialized: boolean;
  nowMs: number;
  /** The node ends the pod now. */
  ending?: PodEnding | undefined;
  resize?: ResizeState | undefined;
}

/** How far the pod is from the amounts that it asks for; absent: it has them. */
export interface ResizeState {
  /** The node does not have what the pod asks for. */
  pending?: { reason: 'Deferred' | 'Infeasible'; message: string } | undefined;
  /** Containers are being changed; the message tells what went wrong. */
  inProgress?: { message: string | undefined } | undefined;
}

/** The kubelet's own that come and go; the others stay as long as the pod. */
export const PASSING_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];

/** The kubelet's own conditions, with the transition times of those that did not change. */
export function computePodConditions(input: ConditionsInput): PodCondition[] {
  const containersReady = computeContainersReady(input);
  const wanted: PodCondition[] = [
    { type: 'PodReadyToStartContainers', status: input.hasSandbox ? 'True' : 'False' },
    computeInitialized(input),
    computeReady(input, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...computeDisruption(input),
    ...computeResize(input),
  ];
  const { generation } = input.pod.metadata;
  const now = formatTime(input.nowMs);
  const old = input.pod.status.conditions ?? [];
  return wanted.map((condition) => {
    const observed = generation === undefined ? condition : { ...condition, observedGeneration: generation };
    const present = old.filter(({ type }) => type === condition.type);
    return setCondition(present, observed, now)[0] ?? observed;
  });
}

/** Tells owners that the pod did not fail by itself. Source: Kubernetes documentation, "Pod disruption conditions". */
function computeDisruption({ ending }: ConditionsInput): PodCondition[] {
  if (!ending?.isDisruption) return [];
  const { message } = ending;
  return [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }];
}

/** Source: Kubernetes documentation, "Resize CPU and Memory Resources assigned to Containers", "Pod resize status". */
function computeResize({ resize: { pending, inProgress } = {} }: ConditionsInput): PodCondition[] {
  return [
    ...(pending ? [{ type: 'PodResizePending', status: 'True' as const, ...pending }] : []),
    ...(inProgress
      ? [{ type: 'PodResizeInProgress', status: 'True' as const, ...resizeError(inProgress.message) }]
      : []),
  ];
}

function resizeError(message: string | undefined): Pick<PodCondition, 'reason' | 'message'> {
  return message === undefined ? {} : { reason: 'Error', message };
}

function computeInitialized({ pod, phase, initStatuses, isInitialized }: ConditionsInput): PodCondition {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const isIncomplete = ({ name, ready, started }: ContainerStatus) => (sidecars.has(name) ? !started : !ready);
  const incomplete = isInitialized ? [] : initStatuses.filter(isIncomplete).map(({ name }) => name);
  if (incomplete.length === 0) return { type: 'Initialized', status: 'True' };
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function computeContainersReady({ pod, phase, statuses, initStatuses }: ConditionsInput): PodCondition {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const counted = [...initStatuses.filter(({ name }) => sidecars.has(name)), ...statuses];
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

/** Ready: the containers are, and whoever has a readiness gate says so too. */
function computeReady({ pod }: ConditionsInput, containersReady: PodCondition): PodCondition {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const closed = gates.filter((type) => !isConditionTrue(pod.status.conditions, type));
  if (closed.length === 0) return { type: 'Ready', status: 'True' };
  const message = closed.map((type) => `the status of pod readiness gate "${type}" is not "True"`).join(', ');
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message };
}
