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
  /** Hot, and nothing can be done: people should know. */
  tellStuck: { board: BoardState };
}

export type HeatAction = ActionOf<HeatActions>;

export interface HeatPlan {
  actions: HeatAction[];
  requeueAfterMs: number | undefined;
}

/** A warm board whose readings stop coming is found out. */
const WATCH_INTERVAL_MS = 60_000;

export function computeHeatPlan(state: HeatState): HeatPlan {
  const words = state.boards.flatMap((board) => computeWords(board, state.wallMs));
  const isQuiet = state.boards.every(({ heat }) => heat.level === 'cool');
  const { move, stuck, lookAgainInMs } = computeMovePlan(state);
  const evictions: HeatAction[] = move === undefined ? [] : [{ type: 'evict', move }];
  return {
    actions: [...words, ...evictions, ...stuck.map((board) => ({ type: 'tellStuck' as const, board }))],
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
