/** Pure: what the API shows of one container. Source: Kubernetes API reference, ContainerStatus; pkg/kubelet convertToAPIContainerStatuses. */
import type { Container } from '../../../shared/api/container.ts';
import type {
  ContainerState,
  ContainerStateTerminated,
  ContainerStateWaiting,
  ContainerStatus,
} from '../../../shared/api/container-status.ts';
import { formatBytes, formatMillis } from '../../../shared/machinery/quantity.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { ContainerRecord } from '../../container-runtime/runtime.ts';
import { computeContainerIntent } from '../pod/container-intent.ts';
import { runsOf } from '../pod/observed-pod.ts';
import { type ContainerRole, isSidecar, shownStatus } from '../pod/pod-containers.ts';
import type { PodView } from '../pod/pod-view.ts';
import { differingAmounts } from '../spec/amounts.ts';
import { imageOf } from '../spec/container-config.ts';

export interface ContainerStatusInput {
  view: PodView;
  container: Container;
  role: ContainerRole;
  /** Main containers wait for the init containers. */
  isInitialized: boolean;
  /** The pod is over: nothing will start any more. */
  isTerminal: boolean;
  /** What the run wrote to its termination message file. */
  terminationMessage(record: ContainerRecord): string;
}

export function computeContainerStatus(input: ContainerStatusInput): ContainerStatus {
  const { view, container } = input;
  const runs = runsOf(view.observed, container.name);
  const record = runs.at(-1);
  if (record === undefined) return withoutRecord(input);
  const state = stateOf(input, record);
  const ended = state.waiting && record.exit ? record : runs.at(-2);
  const started = record.state === 'running' && view.postStart(record) === undefined && view.probes.isStarted(record);
  return {
    name: container.name,
    state,
    lastState: ended?.exit ? { terminated: renderTerminated(ended, input.terminationMessage(ended)) } : {},
    ready: isReady(input, record, started),
    restartCount: record.attempt,
    image: record.image,
    imageID: `docker://${record.imageId}`,
    containerID: containerId(record),
    started,
    ...renderAllocation(input, record),
    ...renderMounts(container),
    ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
  };
}

function stateOf(input: ContainerStatusInput, record: ContainerRecord): ContainerState {
  // It counts as running when what is done after its start is over.
  if (record.state === 'running' && input.view.postStart(record) === 'running')
    return { waiting: { reason: idleReason(input) } };
  if (record.state === 'running')
    return { running: { startedAt: formatTime(record.startedAtMs ?? record.createdAtMs) } };
  if (record.state === 'created') return { waiting: { reason: 'ContainerCreating' } };
  const waiting = input.isTerminal ? undefined : waitingAfterExit(input);
  return waiting ? { waiting } : { terminated: renderTerminated(record, input.terminationMessage(record)) };
}

/** undefined: it starts again at once or never, so that its end is the state to show. */
function waitingAfterExit({ view, container, role }: ContainerStatusInput): ContainerState['waiting'] {
  const intent = computeContainerIntent(view, { container, role });
  if (intent.type === 'back-off') {
    return { reason: 'CrashLoopBackOff', message: renderBackOff(view, container.name, intent.delayMs) };
  }
  return intent.type === 'create' ? waitingForStart(view, container.name, intent.attempt) : undefined;
}

function renderBackOff({ pod }: PodView, container: string, delayMs: number): string {
  const { name, namespace, uid } = pod.metadata;
  const delay = renderGoDuration(delayMs);
  return `back-off ${delay} restarting failed container=${container} pod=${name}_${namespace}(${uid})`;
}

/** Go's way to write whole seconds: `10s`, `1m20s`, `5m0s`. */
export function renderGoDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** What keeps a start back, as far as it is worth telling. */
function waitingForStart(view: PodView, container: string, attempt: number): ContainerState['waiting'] {
  const problem = view.startProblem(container, attempt);
  if (problem !== undefined) return { reason: problem.reason, message: problem.message };
  const verdict = view.image(container, attempt);
  return verdict?.type === 'failed' ? { reason: verdict.reason, message: verdict.message } : undefined;
}

/** Nothing was made yet, or the runtime has forgotten it: what the API remembers of its end stays true. */
function withoutRecord(input: ContainerStatusInput): ContainerStatus {
  const { view, container, role, isInitialized, isTerminal } = input;
  const old = shownStatus(view.pod, container.name);
  const ended = old?.state?.terminated ?? (old?.state?.running ? lostRun(old, view.nowMs) : undefined);
  const attempt = old?.containerID ? old.restartCount + 1 : 0;
  const waiting = waitingForStart(view, container.name, attempt) ?? waitingForSandbox(input);
  const isOver = ended !== undefined && (isTerminal || (role === 'init' && isInitialized));
  return {
    name: container.name,
    state: isOver ? { terminated: ended } : { waiting },
    lastState: isOver ? (old?.lastState ?? {}) : ended ? { terminated: ended } : (old?.lastState ?? {}),
    ready: isOver && role === 'init' && ended.exitCode === 0,
    restartCount: old?.restartCount ?? 0,
    image: imageOf(container),
    imageID: old?.imageID ?? '',
    ...(old?.containerID ? { containerID: old.containerID } : {}),
    started: false,
  };
}

function idleReason({ role, isInitialized }: ContainerStatusInput): string {
  return role === 'main' && !isInitialized ? 'PodInitializing' : 'ContainerCreating';
}

function waitingForSandbox(input: ContainerStatusInput): ContainerStateWaiting {
  const problem = input.view.sandboxProblem;
  return { reason: idleReason(input), ...(problem ? { message: problem.message } : {}) };
}

/** What the node keeps for the container, and what is in force. */
function renderAllocation(
  { view, container, role }: ContainerStatusInput,
  record: ContainerRecord,
): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  const isChangeable = role === 'main' || isSidecar(container);
  if (record.state !== 'running' || role === 'ephemeral' || !isChangeable) return {};
  const { requests, limits } = view.allocation.resourcesOf(container);
  const inForce = limitsInForce(view, container, record, limits);
  return {
    resources: { ...(inForce ? { limits: inForce } : {}), ...(requests ? { requests } : {}) },
    ...(requests ? { allocatedResources: requests } : {}),
  };
}

/** As the pod wrote them where they are in force, otherwise what the runtime says. */
function limitsInForce(
  view: PodView,
  container: Container,
  record: ContainerRecord,
  limits: Record<string, string> | undefined,
): Record<string, string> | undefined {
  const differing = differingAmounts(record, view.amounts(container));
  if (limits === undefined || differing.length === 0) return limits;
  const { cpuLimitMillis, memoryLimitBytes } = record.amounts;
  return {
    ...limits,
    ...(differing.includes('cpu') && cpuLimitMillis > 0 ? { cpu: formatMillis(cpuLimitMillis) } : {}),
    ...(differing.includes('memory') && memoryLimitBytes > 0 ? { memory: formatBytes(memoryLimitBytes) } : {}),
  };
}

/** Only told where the pod asks how it was really done. */
function renderMounts({ volumeMounts = [] }: Container): Pick<ContainerStatus, 'volumeMounts'> {
  if (volumeMounts.every(({ recursiveReadOnly }) => recursiveReadOnly === undefined)) return {};
  return {
    volumeMounts: volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: recursiveReadOnly ?? 'Disabled' } : {}),
    })),
  };
}

/** It ran when it was last heard of, and is gone. */
function lostRun(old: ContainerStatus, nowMs: number): ContainerStateTerminated {
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was looked at',
    startedAt: old.state?.running?.startedAt,
    finishedAt: formatTime(nowMs),
    containerID: old.containerID,
  };
}

function isReady({ view, container, role }: ContainerStatusInput, record: ContainerRecord, started: boolean): boolean {
  if (role === 'init' && !isSidecar(container)) return record.exit?.code === 0;
  return started && view.probes.isReady(record);
}

export function renderTerminated(record: ContainerRecord, message: string): ContainerStateTerminated {
  const { exit } = record;
  const text = exit?.startFailed ? exit.message : message;
  return {
    exitCode: exit?.code ?? 0,
    reason: terminatedReason(record),
    ...(text === '' ? {} : { message: text }),
    startedAt: formatTime(record.startedAtMs ?? record.createdAtMs),
    finishedAt: formatTime(exit?.finishedAtMs ?? record.createdAtMs),
    containerID: containerId(record),
  };
}

function terminatedReason({ exit }: ContainerRecord): string {
  if (exit?.oomKilled) return 'OOMKilled';
  if (exit?.startFailed) return 'ContainerCannotRun';
  return exit?.code === 0 ? 'Completed' : 'Error';
}

export function containerId(record: Pick<ContainerRecord, 'id'>): string {
  return `docker://${record.id}`;
}
