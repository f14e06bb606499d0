/** The plan of one node: conditions, taints and evictions that follow from its link and its conditions. Pure. */
import type { Lease } from '../../../shared/api/lease.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import type { ActionOf } from '../actions.ts';
import { isPodReady } from '../pod-state.ts';
import { computeDeadPods } from './dead-pods.ts';
import { computeEvictions } from './evictions.ts';
import { computeLink, computeUnknownConditions } from './health.ts';
import { computeNodeTaints, type LinkFacts } from './taints.ts';

export interface NodeActions {
  setConditions: { node: Node; conditions: readonly NodeCondition[] };
  setTaints: { node: Node; taints: readonly Taint[] };
  /** The pod may still run, but nobody can say so: it does not count as ready. */
  setPodNotReady: { pod: Pod };
  evict: { pod: Pod; node: Node };
  /** Its node will not finish the deletion. */
  finish: { pod: Pod; node: Node };
}

export type NodeAction = ActionOf<NodeActions>;

export interface NodeState {
  node: Node;
  lease: Lease | undefined;
  pods: readonly Pod[];
  /** Wall-clock time at which the controller began to look. */
  startedMs: number;
  nowMs: number;
  history: NodeHistory;
  /** Whether its controller would make another pod for this very node. */
  isBoundToReturn(pod: Pod): boolean;
}

/** What is remembered of the node's link. */
export interface NodeHistory extends LinkFacts {
  /** 0: it is up. */
  downForMs: number;
  deadPodMs: number;
}

export interface NodePlan {
  actions: NodeAction[];
  requeueAfterMs: number | undefined;
}

/** Pods that are driven away in one step; the rest follows at the next look. */
export const MAX_EVICTIONS_A_STEP = 50;

const NEXT_STEP_MS = 100;

const NONE_DEAD = { due: [], nextInMs: undefined };

/** One step at a time: conditions, then the taints that follow from them, then the pods that these drive away. */
export function computeNodePlan(state: NodeState): NodePlan {
  const { node, pods, nowMs, history, isBoundToReturn } = state;
  const link = computeLink(state);
  const lookAgainInMs = link.state === 'unknown' ? link.knownInMs : undefined;
  const conditions = computeUnknownConditions(node, link, nowMs);
  if (conditions.length > 0)
    return { actions: [{ type: 'setConditions', node, conditions }], requeueAfterMs: undefined };
  const taints = computeNodeTaints(node, nowMs, history);
  if (taints !== undefined) return { actions: [{ type: 'setTaints', node, taints }], requeueAfterMs: lookAgainInMs };
  const { due, nextInMs } = computeEvictions(node, pods, {
    nowMs,
    isReachable: link.state !== 'down' || history.isDoubted,
  });
  const dead = link.state === 'down' ? computeDeadPods({ node, pods, nowMs, isBoundToReturn, ...history }) : NONE_DEAD;
  const notReady = isUnknown(node) ? pods.filter(isPodReady) : [];
  const actions: NodeAction[] = [
    ...notReady.map((pod) => ({ type: 'setPodNotReady' as const, pod })),
    ...due.slice(0, MAX_EVICTIONS_A_STEP).map((pod) => ({ type: 'evict' as const, pod, node })),
    ...dead.due.slice(0, MAX_EVICTIONS_A_STEP).map((pod) => ({ type: 'finish' as const, pod, node })),
  ];
  const waits = [nextInMs, dead.nextInMs, lookAgainInMs].filter((wait) => wait !== undefined);
  if (Math.max(due.length, dead.due.length) > MAX_EVICTIONS_A_STEP) waits.push(NEXT_STEP_MS);
  return { actions, requeueAfterMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

function isUnknown(node: Node): boolean {
  return getCondition(node.status.conditions, 'Ready')?.status === 'Unknown';
}
