/**
 * NodeRealLoad: what boards really use, by their own readings, since requests are guesses. Averages and peaks both count; pods
 * that were placed just now are counted with their assumed use, so that a burst of pods does not all follow one old reading.
 */
import { clampScore, MAX_SCORE, NEUTRAL_SCORE, type ScorePlugin } from '../framework.ts';

export const realLoad: ScorePlugin = {
  name: 'NodeRealLoad',
  isLocal: true,
  preScore({ requests: { scoringCpuMillis, scoringMemoryBytes } }, { traits }) {
    if (traits.reporting === 0) return undefined;
    return ({ estimate, allocatable }) => {
      if (estimate === undefined) return NEUTRAL_SCORE;
      const { cpuMillis, memoryAvailableBytes, arriving } = estimate;
      const cpu =
        cpuMillis === undefined
          ? NEUTRAL_SCORE
          : freeScore(allocatable.cpuMillis - cpuMillis - arriving.cpuMillis - scoringCpuMillis, allocatable.cpuMillis);
      const memory =
        memoryAvailableBytes === undefined
          ? NEUTRAL_SCORE
          : freeScore(memoryAvailableBytes - arriving.memoryBytes - scoringMemoryBytes, allocatable.memoryBytes);
      return (cpu + memory) / 2;
    };
  },
};

function freeScore(free: number, total: number): number {
  return total <= 0 ? 0 : clampScore((free / total) * MAX_SCORE);
}
