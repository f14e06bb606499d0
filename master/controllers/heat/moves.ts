/**
 * The next pod to move away from a board that is too hot, or to give up where no board can take it. Pure; one at a time.
 * Invariants: the lowest priority goes first; nothing is moved unless a board that stays cool by it can take it by requests;
 * while a pod that was moved has no place yet nothing else is moved; only pods below the threshold are given up.
 */
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { type Candidate, computeCandidates } from './candidates.ts';
import { mayTake } from './capacity.ts';
import type { BoardState, HeatState } from './heat-state.ts';

export interface HeatMove {
  type: 'move' | 'shed';
  candidate: Candidate;
  board: BoardState;
  /** A board that can take it; the scheduler may know a better one. */
  target: string | undefined;
}

export interface MovePlan {
  move: HeatMove | undefined;
  /** When to look again while boards are hot; undefined: none is. */
  lookAgainInMs: number | undefined;
}

/** A board must have been hot for so long: one odd reading moves nothing. */
export const CONFIRM_MS = 10_000;

/** A board that cools by itself needs no help. */
const COOLING_CELSIUS_PER_MINUTE = -0.5;

/** A board that gets warmer is no refuge. */
const HEATING_CELSIUS_PER_MINUTE = 1;

/** With the pod on it a board must stay so far below its soft limit. */
const REFUGE_DISTANCE_CELSIUS = 2;

const LOOK_AGAIN_MS = 15_000;

export function computeMovePlan(state: HeatState): MovePlan {
  const hot = state.boards.filter(({ heat }) => heat.level === 'hot').sort(byUrgency);
  if (hot.length === 0) return { move: undefined, lookAgainInMs: undefined };
  const waits = hot.map((board) => readyInMs(board, state));
  const ready = hot.filter((_, index) => waits[index] === 0);
  const move = ready.length === 0 ? undefined : firstMove(ready, state);
  const later = waits.filter((waitMs) => waitMs > 0);
  return { move, lookAgainInMs: Math.min(LOOK_AGAIN_MS, ...later) };
}

/** The furthest above its limit first. */
function byUrgency(a: BoardState, b: BoardState): number {
  const excess = ({ celsius = 0, limits }: BoardState): number => celsius - limits.hardCelsius;
  return excess(b) - excess(a) || (a.node.metadata.name < b.node.metadata.name ? -1 : 1);
}

/** 0: a pod may be moved away from the board now, as far as time is concerned. */
function readyInMs({ heat, trendCelsiusPerMinute }: BoardState, { nowMs, settings, lastMoveMs }: HeatState): number {
  const waits = [
    heat.sinceMs + CONFIRM_MS - nowMs,
    heat.movedMs === undefined ? 0 : heat.movedMs + settings.settleMs - nowMs,
    lastMoveMs === undefined ? 0 : lastMoveMs + settings.moveIntervalMs - nowMs,
    trendCelsiusPerMinute <= COOLING_CELSIUS_PER_MINUTE ? LOOK_AGAIN_MS : 0,
  ];
  return Math.max(0, ...waits);
}

function firstMove(boards: readonly BoardState[], state: HeatState): HeatMove | undefined {
  const isWaiting = hasHomelessReplacement(state);
  for (const board of boards) {
    for (const candidate of computeCandidates(board, state)) {
      const target = isWaiting ? undefined : findRefuge(candidate, board, state);
      if (target !== undefined) return { type: 'move', candidate, board, target };
      const mayShed = candidate.priority < state.settings.shedBelowPriority;
      // A refuge that is only not free yet is waited for.
      if (mayShed && !isWaiting) return { type: 'shed', candidate, board, target };
    }
  }
  return undefined;
}

/** Some pod that was moved has no place yet: the cluster has no room to spare. */
function hasHomelessReplacement({ waiting, resting, nowMs }: HeatState): boolean {
  return waiting.some((pod) => {
    const rest = resting.get(controllerOf(pod)?.uid ?? '');
    return rest !== undefined && !rest.isShed && nowMs < rest.untilMs;
  });
}

/** The coolest board that can take the pod and stays cool with it. */
function findRefuge({ pod, cpuMillis }: Candidate, from: BoardState, state: HeatState): string | undefined {
  let best: { name: string; forecast: number } | undefined;
  for (const board of state.boards) {
    if (board === from || !staysCool(board, cpuMillis, state)) continue;
    if (!mayTake(board.node, board.pods, pod) || !state.reachesVolumes(pod, board.node)) continue;
    const forecast = forecastCelsius(board, cpuMillis, state);
    if (best === undefined || forecast < best.forecast) best = { name: board.node.metadata.name, forecast };
  }
  return best?.name;
}

function staysCool(board: BoardState, cpuMillis: number, state: HeatState): boolean {
  if (board.heat.level !== 'cool' || board.trendCelsiusPerMinute >= HEATING_CELSIUS_PER_MINUTE) return false;
  return forecastCelsius(board, cpuMillis, state) <= board.limits.softCelsius - REFUGE_DISTANCE_CELSIUS;
}

/** With the pod on it. A board without a sensor is taken for as warm as a board may be: others go first. */
function forecastCelsius(board: BoardState, cpuMillis: number, { settings }: HeatState): number {
  const { celsius, limits } = board;
  if (celsius === undefined) return limits.softCelsius - REFUGE_DISTANCE_CELSIUS;
  const share = board.cpuMillis > 0 ? Math.min(1, cpuMillis / board.cpuMillis) : 1;
  return celsius + share * settings.fullLoadRiseCelsius;
}
