/** Pure: the status that the kubelet wants the API to show. */
import type { ContainerStatus } from '../../../shared/api/container-status.ts';
import type { PodStatus } from '../../../shared/api/pod-status.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { ContainerRecord } from '../../container-runtime/runtime.ts';
import { isInitialized, isPastDeadline, needsSandbox } from '../pod/compute-pod-actions.ts';
import { computeContainerIntent } from '../pod/container-intent.ts';
import { latestRun, readySandbox } from '../pod/observed-pod.ts';
import { type ContainerRole, containersOf, isSidecar } from '../pod/pod-containers.ts';
import { isTerminalPhase, type PodView } from '../pod/pod-view.ts';
import { computeQosClass } from '../spec/qos.ts';
import { computeContainerStatus } from './container-status.ts';
import { computePodConditions, type ResizeState } from './pod-conditions.ts';
import { computePodPhase, type PodPhase } from './pod-phase.ts';

export interface PodStatusContext {
  hostIp: string;
  /** Of the other address family. */
  otherHostIp?: string | undefined;
  terminationMessage(record: ContainerRecord): string;
}

/** The fields that the kubelet owns; absent ones are to be removed. */
export type OwnedPodStatus = Pick<
  PodStatus,
  | 'observedGeneration'
  | 'phase'
  | 'reason'
  | 'message'
  | 'conditions'
  | 'hostIP'
  | 'hostIPs'
  | 'podIP'
  | 'podIPs'
  | 'startTime'
  | 'initContainerStatuses'
  | 'containerStatuses'
  | 'ephemeralContainerStatuses'
  | 'qosClass'
>;

export function computePodStatus(view: PodView, context: PodStatusContext): OwnedPodStatus {
  const { pod, nowMs } = view;
  const sandbox = readySandbox(view.observed);
  const isPastEnd = isPastDeadline(view) || view.ending !== undefined;
  const wasTerminal = isTerminalPhase(pod.status.phase);
  const isDeleted = pod.metadata.deletionTimestamp !== undefined && !hasRunning(view);
  const isTerminal = wasTerminal || isPastEnd || isDeleted || !canRunAgain(view);
  const initialized = isInitialized(view, sandbox?.id) || haveInitsEnded(view);
  const render = (wanted: ContainerRole): ContainerStatus[] =>
    containersOf(pod.spec)
      .filter(({ role }) => role === wanted)
      .map((placed) => computeContainerStatus({ view, ...placed, isInitialized: initialized, isTerminal, ...context }));
  const statuses = render('main');
  const initStatuses = render('init');
  const ephemeralStatuses = render('ephemeral');
  const phase = choosePhase(view, { statuses, initStatuses, isTerminal, isPastEnd });
  const hostIps = [context.hostIp, context.otherHostIp].flatMap((ip) => (ip ? [{ ip }] : []));
  const podIps = pod.spec.hostNetwork ? hostIps : podIpsOf(view, isTerminal);
  const [podIp] = podIps;
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    ...explain(view),
    conditions: computePodConditions({
      pod,
      phase,
      statuses,
      initStatuses,
      hasSandbox: sandbox !== undefined,
      isInitialized: initialized,
      nowMs,
      ending: isTerminalPhase(pod.status.phase) ? undefined : view.ending,
      resize: isTerminal ? undefined : computeResizeState(view),
    }),
    hostIP: context.hostIp,
    hostIPs: hostIps,
    ...(podIp === undefined ? {} : { podIP: podIp.ip, podIPs: podIps }),
    startTime: pod.status.startTime ?? formatTime(nowMs),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length === 0 ? {} : { ephemeralContainerStatuses: ephemeralStatuses }),
    qosClass: pod.status.qosClass ?? computeQosClass(pod.spec),
  };
}

/** What an ended pod had stays on record. */
function podIpsOf({ pod: { status }, observed }: PodView, isTerminal: boolean): { ip: string }[] {
  const sandbox = readySandbox(observed);
  if (sandbox !== undefined) return [sandbox.ip, sandbox.otherIp].flatMap((ip) => (ip ? [{ ip }] : []));
  if (!isTerminal || !status.podIP) return [];
  return (status.podIPs ?? [{ ip: status.podIP }]).flatMap(({ ip }) => (ip ? [{ ip }] : []));
}

interface PhaseChoice {
  statuses: readonly ContainerStatus[];
  initStatuses: readonly ContainerStatus[];
  isTerminal: boolean;
  isPastEnd: boolean;
}

/**
 * A phase that has ended never changes again. A pod over its deadline, or ended by the node, fails when its containers have
 * ended, not before: who reads Failed may make the pod of this name anew elsewhere. Source: Kubernetes, pkg/kubelet/status,
 * mergePodStatus.
 */
function choosePhase(view: PodView, choice: PhaseChoice): PodPhase {
  const { spec, status } = view.pod;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return status.phase;
  if (choice.isPastEnd) return hasRunning(view) ? 'Running' : 'Failed';
  return computePodPhase({ spec, ...choice });
}

function explain(view: PodView): Pick<PodStatus, 'reason' | 'message'> {
  const { pod, ending } = view;
  // The reason comes with the phase.
  const isOver = isTerminalPhase(pod.status.phase) || hasRunning(view);
  if (ending !== undefined && !isOver) return { reason: ending.reason, message: ending.message };
  if (isPastDeadline(view) && !isOver) {
    const message = 'Pod was active on the node longer than the specified deadline';
    return { reason: 'DeadlineExceeded', message };
  }
  const { reason, message } = pod.status;
  return { ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
}

function hasRunning({ observed }: PodView): boolean {
  return observed.containers.some(({ state }) => state === 'running');
}

/** With Never, a pod whose sandbox is gone is over, even where a container never had its turn. */
function canRunAgain(view: PodView): boolean {
  const { pod, observed } = view;
  const isBroken = observed.containers.length > 0 && readySandbox(observed) === undefined;
  return !(isBroken && pod.spec.restartPolicy === 'Never' && !needsSandbox(view));
}

function computeResizeState(view: PodView): ResizeState {
  const busy = containersOf(view.pod.spec).filter((placed) => computeContainerIntent(view, placed).type === 'resize');
  const messages = busy.flatMap(({ container }) => view.resizeProblem(container.name)?.message ?? []);
  return {
    pending: view.allocation.pending,
    ...(busy.length === 0 ? {} : { inProgress: { message: messages[0] } }),
  };
}

function haveInitsEnded({ pod, observed, probes }: PodView): boolean {
  return (pod.spec.initContainers ?? []).every((container) => {
    const record = latestRun(observed, container.name);
    if (isSidecar(container)) return record?.state === 'running' && probes.isStarted(record);
    return record?.exit?.code === 0;
  });
}
