/**
 * PodTopologySpread, score: where an even spread is a wish and not a demand, the emptier group is better. A rule over many
 * groups counts more than one over few, or the wish for different boards would drown in the wish for different zones.
 */
import { MAX_SCORE, type ScorePlugin } from '../framework.ts';
import { compileEligibility, countDomains } from './topology-spread.ts';

/** Raw value of a node without the labels: it gets the lowest score. */
const WITHOUT_LABEL = -1;

export const topologySpreadScore: ScorePlugin = {
  name: 'PodTopologySpread',
  preScore(pod, snapshot) {
    const wishes = pod.spread?.wishes ?? [];
    if (wishes.length === 0) return undefined;
    const isEligible = compileEligibility(pod, wishes);
    const counted = wishes.map((constraint) => {
      const counts = countDomains(constraint, snapshot, isEligible);
      return { constraint, counts, weight: Math.log(counts.size + 2) };
    });
    return ({ labels }) => {
      let sum = 0;
      for (const { constraint, counts, weight } of counted) {
        const domain = labels[constraint.topologyKey];
        if (domain === undefined) return WITHOUT_LABEL;
        sum += (counts.get(domain) ?? 0) * weight + (constraint.maxSkew - 1);
      }
      return sum;
    };
  },
  normalizeScore(scores) {
    const counted = scores.filter((score) => score !== WITHOUT_LABEL);
    const largest = counted.reduce((a, b) => Math.max(a, b), 0);
    const smallest = counted.reduce((a, b) => Math.min(a, b), largest);
    for (const [index, score] of scores.entries()) {
      if (score === WITHOUT_LABEL) scores[index] = 0;
      else scores[index] = largest === 0 ? MAX_SCORE : ((largest + smallest - score) * MAX_SCORE) / largest;
    }
  },
};
