/** NodeResourcesLeastAllocated: the larger the share of CPU and memory that stays unrequested, the better. */
import { clampScore, MAX_SCORE, type ScorePlugin } from '../framework.ts';

export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesLeastAllocated',
  preScore({ requests: { scoringCpuMillis, scoringMemoryBytes } }) {
    return ({ requested, allocatable }) => {
      const cpu = freeShare(requested.scoringCpuMillis + scoringCpuMillis, allocatable.cpuMillis);
      const memory = freeShare(requested.scoringMemoryBytes + scoringMemoryBytes, allocatable.memoryBytes);
      return clampScore(((cpu + memory) / 2) * MAX_SCORE);
    };
  },
};

function freeShare(requested: number, allocatable: number): number {
  return requested >= allocatable ? 0 : (allocatable - requested) / allocatable;
}
