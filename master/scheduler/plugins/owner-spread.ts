/** OwnerSpread: replicas of one owner go to different boards, so that one dead board takes few of them away. */
import { normalizeReversed, type ScorePlugin } from '../framework.ts';

export const ownerSpread: ScorePlugin = {
  name: 'OwnerSpread',
  preScore({ ownerUid }) {
    if (ownerUid === undefined) return undefined;
    return (node) => node.podsByOwner.get(ownerUid) ?? 0;
  },
  normalizeScore: normalizeReversed,
};
