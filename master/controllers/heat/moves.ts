/**
 * The next pod to move away from a board that is too hot, or to give up where it is too hot everywhere. Pure; one at a time.
 * Invariants: the lowest priority goes first; nothing is moved unless a board that stays cool by it can take it by requests;
 * while a pod that was moved has no place yet nothing else is moved; a pod is given up only for more important ones beside it.
 */
import { type Candidate, computeCandidates, highestPriority } from './candidates.ts';
import { isOpenTo, mayTake } from './capacity.ts';
import { forecastCelsius, staysCool } from './forecast.ts';
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
  /** Hot boards that nothing can be done for, though it is time. */
  stuck: readonly BoardState[];
  /** When to look again while boards are hot; undefined: none is. */
  lookAgainInMs: number | undefined;
}

/** A board must have been hot for so long: one odd reading moves nothing. */
export const CONFIRM_MS = 10_000;

/** A board that cools by itself needs no help. */
const COOLING_CELSIUS_PER_MINUTE = -0.5;

const LOOK_AGAIN_MS = 15_000;

/** The replacement of a moved pod must have a place before the next move; one that nobody makes is not waited for longer. */
const REPLACEMENT_LIMIT_MS = 120_000;

export function computeMovePlan(state: HeatState): MovePlan {
  const hot = state.boards.filter(({ heat }) => heat.level === 'hot').sort(byUrgency);
  if (hot.length === 0) return { move: undefined, stuck: [], lookAgainInMs: undefined };
  const waits = hot.map((board) => readyInMs(board, state));
  const ready = hot.filter((_, index) => waits[index] === 0);
  const isWaiting = hasHomelessReplacement(state);
  const move = isWaiting ? undefined : firstMove(ready, state);
  const later = waits.filter((waitMs) => waitMs > 0);
  const stuck = isWaiting || move !== undefined ? [] : ready;
  return { move, stuck, lookAgainInMs: Math.min(LOOK_AGAIN_MS, ...later) };
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
  for (const board of boards) {
    for (const candidate of computeCandidates(board, state)) {
      const target = findRefuge(candidate, board, state);
      if (target !== undefined) return { type: 'move', candidate, board, target };
      if (mayBeShed(candidate, board, state)) return { type: 'shed', candidate, board, target };
    }
  }
  return undefined;
}

/** Some pod that was moved has no place yet: the cluster may have no room to spare. */
function hasHomelessReplacement({ boundOf, resting, nowMs }: HeatState): boolean {
  for (const [uid, { isShed, movedMs, boundBefore }] of resting) {
    if (!isShed && nowMs < movedMs + REPLACEMENT_LIMIT_MS && boundOf(uid) < boundBefore) return true;
  }
  return false;
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

/** Where every board that may have it is too warm, pods are given up for more important ones on the same board. */
function mayBeShed({ pod, priority }: Candidate, board: BoardState, state: HeatState): boolean {
  const isLess = priority < state.settings.shedBelowPriority || priority < highestPriority(board);
  // A board that is cool would get the pod at once, and get hot itself.
  return isLess && !state.boards.some(({ heat, node }) => heat.level === 'cool' && isOpenTo(node, pod));
}
