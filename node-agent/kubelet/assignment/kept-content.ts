/**
 * Pure: which part of an object is kept, and so what counts as a change. Versions and statuses change all the time and are
 * worth no write to a card; what a board could not know by itself after a cold boot is kept.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodStatus } from '../../../shared/api/pod-status.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';

/** The object without what the API server keeps books about; without a version, so that each list counts as newer. */
export function contentOf<T extends KubernetesObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  const content = { ...object, metadata: { ...metadata, resourceVersion: '' } };
  return isPod(content) ? { ...content, status: statusContent(content) } : withoutStatus(content);
}

/**
 * Pods that are over stay over; one that is being deleted is over whatever its status says. A deadline counts from the first
 * start, wherever the power was since.
 */
function statusContent({ metadata, spec, status }: Pod): PodStatus {
  const { phase, qosClass, reason, message, startTime, containerStatuses, initContainerStatuses } = status;
  const deadline = spec.activeDeadlineSeconds === undefined ? {} : { startTime };
  const isOver = isTerminalPhase(phase) && metadata.deletionTimestamp === undefined;
  if (!isOver) return { phase: 'Pending', qosClass, ...deadline };
  return { phase, qosClass, reason, message, startTime, containerStatuses, initContainerStatuses };
}

/** Where others are reached is all that a board without a master wants to know of their statuses. */
const STATUS_CONTENT: Readonly<Record<string, (status: unknown) => JsonObject>> = {
  Node: (status) => (isJsonObject(status) && status['addresses'] ? { addresses: status['addresses'] } : {}),
  Service: (status) => {
    const loadBalancer = isJsonObject(status) ? status['loadBalancer'] : undefined;
    return { loadBalancer: loadBalancer ?? {} };
  },
};

function isPod(object: KubernetesObject): object is KubernetesObject & Pod {
  return object.kind === 'Pod' && object.apiVersion === 'v1';
}

function withoutStatus<T extends KubernetesObject>(object: T): T {
  return 'status' in object ? { ...object, status: STATUS_CONTENT[object.kind]?.(object.status) } : object;
}
