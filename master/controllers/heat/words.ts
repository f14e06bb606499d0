/** The words in which heat protection speaks: taint, condition, annotation. Pure. */
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import type { HeatLimits } from '../../../shared/machinery/heat-limits.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { HeatLevel } from './board-heat.ts';

export const OVERHEATING_TAINT = { key: 'bramble.dev/overheating', effect: 'NoSchedule' } as const;

export const CONDITION_TYPE = 'bramble.dev/HeatProtection';

/** On a pod: `ignore` keeps it where it is, however hot. */
export const PROTECTION_ANNOTATION = 'bramble.dev/heat-protection';

const REASONS: Readonly<Record<HeatLevel, string>> = {
  cool: 'BelowLimits',
  warm: 'AboveSoftLimit',
  hot: 'AboveHardLimit',
};

/** What the node said last, before this master: its condition outlives the master. */
export function levelFromNode({ spec, status }: Node): HeatLevel {
  const reason = getCondition(status.conditions, CONDITION_TYPE)?.reason;
  if (reason === REASONS.hot) return 'hot';
  return reason === REASONS.warm || hasTaint(spec.taints) ? 'warm' : 'cool';
}

/** Undefined: the node says so already. A board that was never warm says nothing of it. */
export function computeCondition(
  { status }: Node,
  { level, limits, nowMs }: { level: HeatLevel; limits: HeatLimits; nowMs: number },
): NodeCondition | undefined {
  const present = getCondition(status.conditions, CONDITION_TYPE);
  const reason = REASONS[level];
  if (present?.reason === reason || (present === undefined && level === 'cool')) return undefined;
  const isTrue = level === 'cool' ? 'False' : 'True';
  const now = formatTime(nowMs);
  return {
    type: CONDITION_TYPE,
    status: isTrue,
    reason,
    message: messageOf(level, limits),
    lastHeartbeatTime: now,
    lastTransitionTime: present?.status === isTrue ? (present.lastTransitionTime ?? now) : now,
  };
}

/** All taints that the node should have; undefined when it has them. */
export function computeHeatTaints({ spec }: Node, level: HeatLevel): Taint[] | undefined {
  const { taints = [] } = spec;
  const isWanted = level !== 'cool';
  if (hasTaint(taints) === isWanted) return undefined;
  return isWanted ? [...taints, { ...OVERHEATING_TAINT }] : taints.filter((taint) => !isHeatTaint(taint));
}

export function messageOf(level: HeatLevel, { softCelsius, hardCelsius }: HeatLimits): string {
  switch (level) {
    case 'cool':
      return `the board is below its soft limit of ${softCelsius} °C`;
    case 'warm':
      return `the board is above its soft limit of ${softCelsius} °C and takes no new pods`;
    case 'hot':
      return `the board is above its hard limit of ${hardCelsius} °C: pods are moved away`;
  }
}

function hasTaint(taints: readonly Taint[] | undefined): boolean {
  return taints?.some(isHeatTaint) ?? false;
}

export function isHeatTaint({ key, effect }: Taint): boolean {
  return key === OVERHEATING_TAINT.key && effect === OVERHEATING_TAINT.effect;
}
