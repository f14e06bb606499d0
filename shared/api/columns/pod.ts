/**
 * What `kubectl get pods` prints. STATUS is the one word that tells most about a pod: the phase, unless a container, an
 * init container or a deletion has more to say.
 */

import { renderDuration } from '../../machinery/age.ts';
import { parseTime } from '../../platform/clock.ts';
import { ageColumn, type Column, nameColumn } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { ContainerStatus } from '../container-status.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { PodStatus } from '../pod-status.ts';

export interface PodParts extends KubernetesObject {
  spec: PodSpec;
  status: PodStatus;
}

export interface PodSummary {
  /** Containers that are ready, sidecars among them. */
  ready: number;
  total: number;
  /** `Running`, `Init:0/2`, `CrashLoopBackOff`, `Terminating`… */
  reason: string;
  restarts: number;
  /** Milliseconds since the epoch when a container last ended before a restart. */
  lastRestartMs?: number;
}

/** The status reason that the node lifecycle controller gives to pods of a node that is gone. */
const NODE_LOST = 'NodeLost';

/** STATUS and the numbers beside it, as kubectl users know them; status page and CLI show the same. */
export function summarizePod(pod: PodParts): PodSummary {
  const init = summarizeInit(pod);
  const initialized = conditionIs(pod, 'Initialized');
  const main = init.reason === undefined || initialized ? summarizeContainers(pod, init) : undefined;
  const reason = main?.reason ?? init.reason ?? podReason(pod);
  const counted = main === undefined ? init.all : [...init.sidecars, ...(pod.status.containerStatuses ?? [])];
  return {
    ready: init.ready + (main?.ready ?? 0),
    total: (pod.spec.containers ?? []).length + sidecarNames(pod).size,
    reason: deletionReason(pod) ?? reason,
    restarts: counted.reduce((sum, { restartCount }) => sum + restartCount, 0),
    lastRestartMs: lastEndMs(counted),
  };
}

interface InitSummary {
  /** Set while an init container has not done its part. */
  reason?: string;
  ready: number;
  all: readonly ContainerStatus[];
  sidecars: readonly ContainerStatus[];
}

function summarizeInit(pod: PodParts): InitSummary {
  const sidecars = sidecarNames(pod);
  const statuses = pod.status.initContainerStatuses ?? [];
  const total = (pod.spec.initContainers ?? []).length;
  const isDone = (status: ContainerStatus): boolean =>
    status.state.terminated?.exitCode === 0 || (sidecars.has(status.name) && status.started === true);
  const blocking = statuses.findIndex((status) => !isDone(status));
  const passed = blocking === -1 ? statuses : statuses.slice(0, blocking);
  const seen = blocking === -1 ? statuses : statuses.slice(0, blocking + 1);
  const blocker = statuses[blocking];
  return {
    reason: blocker === undefined ? undefined : `Init:${initReason(blocker) ?? `${blocking}/${total}`}`,
    ready: passed.filter((status) => sidecars.has(status.name) && status.started && status.ready).length,
    all: seen,
    sidecars: seen.filter(({ name }) => sidecars.has(name)),
  };
}

/** Init containers with restartPolicy Always keep running beside the containers. */
function sidecarNames(pod: PodParts): Set<string> {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return new Set(sidecars.map(({ name }) => name));
}

/** Why an init container holds the pod up; undefined when it simply has not ended yet. */
function initReason({ state }: ContainerStatus): string | undefined {
  if (state.terminated) return endReason(state.terminated);
  const waiting = state.waiting?.reason;
  return waiting && waiting !== 'PodInitializing' ? waiting : undefined;
}

function summarizeContainers(pod: PodParts, init: InitSummary): { reason: string; ready: number } {
  const statuses = pod.status.containerStatuses ?? [];
  const ready = statuses.filter((status) => isServing(status)).length;
  // The first container that has something to say wins.
  const said = statuses.map(containerReason).find((reason) => reason !== undefined);
  const reason = said ?? init.reason ?? podReason(pod);
  if (reason !== 'Completed' || ready === 0) return { reason, ready };
  return { reason: conditionIs(pod, 'Ready') ? 'Running' : 'NotReady', ready };
}

function isServing({ state, ready }: ContainerStatus): boolean {
  return ready && state.running !== undefined && !state.waiting?.reason && state.terminated === undefined;
}

function containerReason({ state }: ContainerStatus): string | undefined {
  if (state.waiting?.reason) return state.waiting.reason;
  return state.terminated ? endReason(state.terminated) : undefined;
}

function endReason(ended: { reason?: string; signal?: number; exitCode: number }): string {
  if (ended.reason) return ended.reason;
  return ended.signal ? `Signal:${ended.signal}` : `ExitCode:${ended.exitCode}`;
}

function podReason({ status }: PodParts): string {
  const gated = status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated');
  return gated ? 'SchedulingGated' : status.reason || status.phase;
}

function deletionReason({ metadata, status }: PodParts): string | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (status.reason === NODE_LOST) return 'Unknown';
  return status.phase === 'Succeeded' || status.phase === 'Failed' ? undefined : 'Terminating';
}

function conditionIs({ status }: PodParts, type: string): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

function lastEndMs(statuses: readonly ContainerStatus[]): number | undefined {
  const ends = statuses.map(({ lastState }) => parseTime(lastState?.terminated?.finishedAt));
  const known = ends.filter((end) => end !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function renderRestarts({ restarts, lastRestartMs }: PodSummary, nowMs: number): string {
  if (restarts === 0 || lastRestartMs === undefined) return String(restarts);
  return `${restarts} (${renderDuration(Math.max(0, nowMs - lastRestartMs))} ago)`;
}

function renderReadinessGates({ spec, status }: PodParts): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter(({ conditionType }) =>
    status.conditions?.some(({ type, status: state }) => type === conditionType && state === 'True'),
  );
  return `${open.length}/${gates.length}`;
}

export const podColumns: readonly Column<PodParts>[] = [
  nameColumn(),
  {
    name: 'Ready',
    type: 'string',
    description: 'containers that are ready, of all containers',
    value: (pod) => {
      const { ready, total } = summarizePod(pod);
      return `${ready}/${total}`;
    },
  },
  {
    name: 'Status',
    type: 'string',
    description: 'what the pod does, in one word',
    value: (pod) => summarizePod(pod).reason,
  },
  {
    name: 'Restarts',
    type: 'string',
    description: 'how often containers were restarted, and when last',
    value: (pod, { nowMs }) => renderRestarts(summarizePod(pod), nowMs),
  },
  ageColumn(),
  {
    name: 'IP',
    type: 'string',
    priority: 1,
    description: 'address of the pod',
    value: ({ status }) => status.podIPs?.[0]?.ip || status.podIP || '<none>',
  },
  {
    name: 'Node',
    type: 'string',
    priority: 1,
    description: 'node that the pod is on',
    value: ({ spec }) => spec.nodeName || '<none>',
  },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    description: 'node on which room is being made',
    value: ({ status }) => status.nominatedNodeName || '<none>',
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    priority: 1,
    description: 'readiness gates that are open, of all gates',
    value: renderReadinessGates,
  },
];
