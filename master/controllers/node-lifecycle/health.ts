/**
 * What a node's link says about its conditions. While the link is up the agent speaks for itself; when it is down nobody
 * knows, and the master says so in the agent's place. Pure.
 */
import type { Lease } from '../../../shared/api/lease.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';

/** On the Lease of a node: `up` while its MQTT session stands. Written by the gateway, read here. */
export const LINK_ANNOTATION = 'bramble.dev/link';

export const LEASE_NAMESPACE = 'kube-node-lease';

/**
 * Leases live in the master's memory: after its start nobody has one, and agents need a moment to come back. A node
 * without a Lease counts as down only after this.
 */
export const LINK_GRACE_MS = 20_000;

/** Reason of conditions that the master set because the agent could not. */
export const UNKNOWN_REASON = 'NodeStatusUnknown';

const OBSERVED_CONDITIONS = [
  'Ready',
  'MemoryPressure',
  'DiskPressure',
  'PIDPressure',
  'bramble.dev/Overheating',
  'bramble.dev/Throttled',
  'bramble.dev/UnderVoltage',
] as const;

export type Link = { state: 'up' } | { state: 'down' } | { state: 'unknown'; knownInMs: number };

export interface LinkInput {
  node: Node;
  lease: Lease | undefined;
  /** When this controller began to look. */
  startedMs: number;
  nowMs: number;
}

export function computeLink({ node, lease, startedMs, nowMs }: LinkInput): Link {
  const annotation = lease?.metadata.annotations?.[LINK_ANNOTATION];
  if (annotation === 'up') return { state: 'up' };
  if (annotation === 'down') return { state: 'down' };
  const sinceMs = Math.max(startedMs, parseTime(node.metadata.creationTimestamp) ?? 0);
  const knownInMs = sinceMs + LINK_GRACE_MS - nowMs;
  return knownInMs > 0 ? { state: 'unknown', knownInMs } : { state: 'down' };
}

/** Conditions to write; empty when the node says already what is known. */
export function computeUnknownConditions(node: Node, link: Link, nowMs: number): NodeCondition[] {
  if (link.state !== 'down') return [];
  return OBSERVED_CONDITIONS.flatMap((type) => {
    const present = getCondition(node.status.conditions, type);
    if (present?.status === 'Unknown' || (present === undefined && type !== 'Ready')) return [];
    return [unknown(type, present, nowMs)];
  });
}

function unknown(type: string, present: NodeCondition | undefined, nowMs: number): NodeCondition {
  const { lastHeartbeatTime } = present ?? {};
  return {
    type,
    status: 'Unknown',
    reason: present === undefined ? 'NodeStatusNeverUpdated' : UNKNOWN_REASON,
    message: present === undefined ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
    ...(lastHeartbeatTime === undefined ? {} : { lastHeartbeatTime }),
    lastTransitionTime: formatTime(nowMs),
  };
}
