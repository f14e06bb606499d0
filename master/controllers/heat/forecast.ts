/** How hot a board will be with one more pod. Pure. */

import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { isPodActive } from '../pod-state.ts';
import { cpuOf } from './candidates.ts';
import type { BoardState, HeatState } from './heat-state.ts';

/** A board that gets warmer is no refuge. */
const HEATING_CELSIUS_PER_MINUTE = 1;

/** With the pod on it a board must stay so far below its soft limit. */
const REFUGE_DISTANCE_CELSIUS = 2;

export function staysCool(board: BoardState, cpuMillis: number, state: HeatState): boolean {
  if (board.heat.level !== 'cool' || board.trendCelsiusPerMinute >= HEATING_CELSIUS_PER_MINUTE) return false;
  return forecastCelsius(board, cpuMillis, state) <= board.limits.softCelsius - REFUGE_DISTANCE_CELSIUS;
}

/** With the pod on it. A board without a sensor is taken for as warm as a refuge may be: others go first. */
export function forecastCelsius(board: BoardState, cpuMillis: number, state: HeatState): number {
  const { celsius, limits } = board;
  if (celsius === undefined) return limits.softCelsius - REFUGE_DISTANCE_CELSIUS;
  const coming = cpuMillis + arrivingMillis(board, state);
  const share = board.cpuMillis > 0 ? Math.min(1, coming / board.cpuMillis) : 1;
  return celsius + share * state.settings.fullLoadRiseCelsius;
}

/** Pods that came a moment ago have not heated the board yet; their heat arrives while the board settles. */
function arrivingMillis(board: BoardState, { wallMs, settings, resting }: HeatState): number {
  return board.pods.reduce((sum, pod) => {
    const ageMs = wallMs - (parseTime(pod.metadata.creationTimestamp) ?? 0);
    if (!isPodActive(pod) || ageMs < 0 || ageMs >= settings.settleMs) return sum;
    const moved = resting.get(controllerOf(pod)?.uid ?? '')?.cpuMillis ?? 0;
    return sum + Math.max(moved, cpuOf(pod, board)) * (1 - ageMs / settings.settleMs);
  }, 0);
}
