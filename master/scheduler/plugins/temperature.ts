/**
 * NodeTemperature: the further a board is from slowing itself down, the better.
 * BoardHealth: a board that is throttled or short of voltage comes last, whatever else speaks for it (see weights.ts).
 * Invariant: of two nodes that differ only in temperature the hotter one never scores higher.
 */
import { isFresh } from '../board-reading.ts';
import { clampScore, MAX_SCORE, MIN_SCORE, NEUTRAL_SCORE, type ScorePlugin } from '../framework.ts';

/** With this much room below its limit a board is as good as cold. */
const COMFORTABLE_HEADROOM_CELSIUS = 40;

export const temperature: ScorePlugin = {
  name: 'NodeTemperature',
  preScore(_pod, { nowMs }) {
    return ({ reading }) => {
      if (!isFresh(reading, nowMs) || reading.temperatureCelsius === undefined) return NEUTRAL_SCORE;
      const headroomCelsius = reading.throttleCelsius - reading.temperatureCelsius;
      return clampScore((headroomCelsius / COMFORTABLE_HEADROOM_CELSIUS) * MAX_SCORE);
    };
  },
};

export const boardHealth: ScorePlugin = {
  name: 'BoardHealth',
  preScore(_pod, { nowMs }) {
    return ({ reading }) => (isFresh(reading, nowMs) && reading.isInDistress ? MIN_SCORE : MAX_SCORE);
  },
};
