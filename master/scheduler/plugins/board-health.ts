/** BoardHealth: a board that is throttled or short of voltage comes last, whatever else speaks for it (see profile.ts). */
import { MAX_SCORE, MIN_SCORE, type ScorePlugin } from '../framework.ts';

export const boardHealth: ScorePlugin = {
  name: 'BoardHealth',
  preScore(_pod, { nowMs }) {
    return ({ history }) => (history?.estimate(nowMs)?.isInDistress ? MIN_SCORE : MAX_SCORE);
  },
};
