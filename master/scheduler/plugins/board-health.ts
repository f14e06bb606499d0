/** BoardHealth: a board that is throttled or short of voltage comes last, whatever else speaks for it (see profile.ts). */
import { MAX_SCORE, MIN_SCORE, type ScorePlugin } from '../framework.ts';

export const boardHealth: ScorePlugin = {
  name: 'BoardHealth',
  preScore(_pod, { traits }) {
    if (traits.inDistress === 0) return undefined;
    return ({ estimate }) => (estimate?.isInDistress ? MIN_SCORE : MAX_SCORE);
  },
};
