/** OwnerSpread: replicas of one owner go to different boards, so that one dead board takes few of them away. */
import { normalizeReversed, type ScorePlugin } from '../framework.ts';

export const ownerSpread: ScorePlugin = {
  name: 'OwnerSpread',
  preScore({ ownerUid }, { owners }) {
    const counts = ownerUid === undefined ? undefined : owners.get(ownerUid);
    if (counts === undefined) return undefined;
    return ({ name }) => counts.get(name) ?? 0;
  },
  normalizeScore: normalizeReversed,
};
