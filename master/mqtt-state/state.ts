/** What objects look like on their state topics: small JSON for people's automations. Pure; docs/mqtt.md lists the members. */
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Event } from '../../shared/api/event.ts';
import type { Node } from '../../shared/api/node.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import { quantityToBytes, quantityToMillis } from '../../shared/machinery/quantity.ts';

export interface NodeState {
  name: string;
  online: boolean;
  cordoned: boolean;
  pods: number;
  throttled: boolean;
  underVoltage: boolean;
  /** Absent: the board has no such sensor, or has not reported. */
  temperatureCelsius?: number;
  cpuPercent?: number;
  memoryPercent?: number;
  diskPercent?: number;
}

export function computeNodeState(
  { metadata, spec, status }: Node,
  sensors: NodeSensors | undefined,
  pods: number,
): NodeState {
  const { usage, temperatureCelsius, diskTotalBytes, diskAvailableBytes, throttled, underVoltage } = sensors ?? {};
  const capacity = status.capacity ?? {};
  return {
    name: metadata.name,
    online: getCondition(status.conditions, 'Ready')?.status === 'True',
    cordoned: spec.unschedulable === true,
    pods,
    throttled: throttled === true,
    underVoltage: underVoltage === true,
    ...known({
      temperatureCelsius,
      cpuPercent: shareOf(usage?.['cpu'], capacity['cpu'], quantityToMillis),
      memoryPercent: shareOf(usage?.['memory'], capacity['memory'], quantityToBytes),
      diskPercent: diskTotalBytes ? percent(diskTotalBytes - (diskAvailableBytes ?? 0), diskTotalBytes) : undefined,
    }),
  };
}

export function computePodState({ metadata, spec, status }: Pod) {
  const containers = status.containerStatuses ?? [];
  const waiting = containers.flatMap(({ state }) => state?.waiting?.reason ?? []);
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    phase: status.phase ?? 'Pending',
    ready: getCondition(status.conditions, 'Ready')?.status === 'True',
    restarts: containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
    ...(spec.nodeName ? { node: spec.nodeName } : {}),
    ...(waiting[0] === undefined ? {} : { reason: waiting[0] }),
  };
}

export function computeDeploymentState({ metadata, spec, status }: Deployment) {
  const wanted = spec.replicas ?? 1;
  const available = status?.availableReplicas ?? 0;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    replicas: wanted,
    ready: status?.readyReplicas ?? 0,
    updated: status?.updatedReplicas ?? 0,
    available,
    complete: available >= wanted && (status?.updatedReplicas ?? 0) >= wanted,
  };
}

export function computeEvent(event: Event) {
  const { type, reason, message, count, involvedObject, lastTimestamp, eventTime } = event;
  const { kind, namespace, name } = involvedObject;
  return {
    type: type ?? 'Normal',
    reason: reason ?? '',
    message: message ?? '',
    count: count ?? 1,
    kind: kind ?? '',
    ...(namespace ? { namespace } : {}),
    name: name ?? '',
    time: lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp ?? '',
  };
}

function shareOf(
  used: string | undefined,
  all: string | undefined,
  read: (quantity: string) => number,
): number | undefined {
  return used === undefined || all === undefined ? undefined : percent(read(used), read(all));
}

function percent(part: number, whole: number): number | undefined {
  return whole > 0 ? (part * 100) / whole : undefined;
}

function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
