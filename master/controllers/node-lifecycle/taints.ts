/** The taints that follow from a node's conditions, merged with those that others set. Pure. */
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { TAINT_KEYS } from '../../../shared/machinery/taints.ts';
import { formatTime } from '../../../shared/platform/clock.ts';

interface Rule {
  key: string;
  effect: 'NoSchedule' | 'NoExecute';
  /** Not while the master doubts itself; what pods bear counts from when it trusts itself again. */
  isDoubtful?: boolean;
  applies(node: Node, link: LinkFacts): boolean;
}

/** What the conditions do not tell. */
export interface LinkFacts {
  isDamped: boolean;
  /** The master doubts itself: nothing new drives pods away. */
  isDoubted: boolean;
}

const CALM: LinkFacts = { isDamped: false, isDoubted: false };

const RULES: readonly Rule[] = [
  { key: TAINT_KEYS.notReady, effect: 'NoSchedule', applies: isNotReady },
  { key: TAINT_KEYS.notReady, effect: 'NoExecute', applies: isNotReady },
  { key: TAINT_KEYS.unreachable, effect: 'NoSchedule', applies: isUnreachable },
  { key: TAINT_KEYS.unreachable, effect: 'NoExecute', applies: isUnreachable, isDoubtful: true },
  { key: TAINT_KEYS.memoryPressure, effect: 'NoSchedule', applies: (node) => has(node, 'MemoryPressure') },
  { key: TAINT_KEYS.diskPressure, effect: 'NoSchedule', applies: (node) => has(node, 'DiskPressure') },
  { key: TAINT_KEYS.pidPressure, effect: 'NoSchedule', applies: (node) => has(node, 'PIDPressure') },
  { key: TAINT_KEYS.networkUnavailable, effect: 'NoSchedule', applies: (node) => has(node, 'NetworkUnavailable') },
  { key: TAINT_KEYS.flapping, effect: 'NoSchedule', applies: (_node, { isDamped }) => isDamped },
  { key: TAINT_KEYS.unschedulable, effect: 'NoSchedule', applies: (node) => node.spec.unschedulable === true },
];

/** All taints that the node should have; undefined when it has them. Taints under other keys stay as they are. */
export function computeNodeTaints(node: Node, nowMs: number, link = CALM): Taint[] | undefined {
  const present = node.spec.taints ?? [];
  const applies = (rule: Rule): boolean => rule.applies(node, link) && !(rule.isDoubtful && link.isDoubted);
  const kept = present.filter((taint) => {
    const rule = ruleOf(taint);
    return rule === undefined || applies(rule);
  });
  const missing = RULES.filter((rule) => applies(rule) && !kept.some((taint) => ruleOf(taint) === rule));
  if (missing.length === 0 && kept.length === present.length) return undefined;
  const timeAdded = formatTime(nowMs);
  // Eviction counts from the moment of the taint; a taint that only keeps new pods away needs no time.
  const added = missing.map(({ key, effect }) => ({ key, effect, ...(effect === 'NoExecute' ? { timeAdded } : {}) }));
  return [...kept, ...added];
}

function ruleOf(taint: Taint): Rule | undefined {
  return RULES.find(({ key, effect }) => key === taint.key && effect === taint.effect);
}

function has(node: Node, type: string): boolean {
  return getCondition(node.status.conditions, type)?.status === 'True';
}

/** A node that never said anything is not ready either. */
function isNotReady(node: Node): boolean {
  const ready = getCondition(node.status.conditions, 'Ready');
  return ready === undefined || ready.status === 'False';
}

function isUnreachable(node: Node): boolean {
  return getCondition(node.status.conditions, 'Ready')?.status === 'Unknown';
}
