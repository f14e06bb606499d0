/** The plan of heat protection: what the nodes should say, and the pod to move next. Pure. */
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import type { ActionOf } from '../actions.ts';
import type { BoardState, HeatState } from './heat-state.ts';
import { computeMovePlan, type HeatMove } from './moves.ts';
import { computeCondition, computeHeatTaints } from './words.ts';

export interface HeatActions {
  setCondition: { board: BoardState; condition: NodeCondition };
  setTaints: { node: Node; taints: readonly Taint[] };
  evict: { move: HeatMove };
}

export type HeatAction = ActionOf<HeatActions>;

export interface HeatPlan {
  actions: HeatAction[];
  requeueAfterMs: number | undefined;
}

/** A warm board whose readings stop coming is found out. */
const WATCH_INTERVAL_MS = 60_000;

/** `wallMs` is for times that people read. */
export function computeHeatPlan(state: HeatState, wallMs: number): HeatPlan {
  const words = state.boards.flatMap((board) => computeWords(board, wallMs));
  const isQuiet = state.boards.every(({ heat }) => heat.level === 'cool');
  const { move, lookAgainInMs } = computeMovePlan(state);
  const evictions: HeatAction[] = move === undefined ? [] : [{ type: 'evict', move }];
  return {
    actions: [...words, ...evictions],
    requeueAfterMs: lookAgainInMs ?? (isQuiet ? undefined : WATCH_INTERVAL_MS),
  };
}

function computeWords(board: BoardState, wallMs: number): HeatAction[] {
  const { node, heat, limits } = board;
  const condition = computeCondition(node, { level: heat.level, limits, nowMs: wallMs });
  const taints = computeHeatTaints(node, heat.level);
  return [
    ...(taints === undefined ? [] : [{ type: 'setTaints' as const, node, taints }]),
    ...(condition === undefined ? [] : [{ type: 'setCondition' as const, board, condition }]),
  ];
}
