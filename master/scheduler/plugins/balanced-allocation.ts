/** NodeResourcesBalancedAllocation: a node whose CPU and memory fill up evenly wastes neither. */
import { clampScore, MAX_SCORE, type ScorePlugin } from '../framework.ts';

export const balancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  isLocal: true,
  preScore({ requests }) {
    return ({ requested, allocatable }) => {
      const cpu = usedShare(requested.cpuMillis + requests.cpuMillis, allocatable.cpuMillis);
      const memory = usedShare(requested.memoryBytes + requests.memoryBytes, allocatable.memoryBytes);
      // The standard deviation of two values is half of their distance.
      return clampScore((1 - Math.abs(cpu - memory) / 2) * MAX_SCORE);
    };
  },
};

function usedShare(requested: number, allocatable: number): number {
  return requested >= allocatable ? 1 : requested / allocatable;
}
