/**
 * NodeRealLoad: what boards really use, by their own readings, since requests are guesses. Pods that were placed after the
 * reading are counted with their assumed use, so that a burst of pods does not all follow one old reading.
 */
import { isFresh } from '../board-reading.ts';
import { clampScore, MAX_SCORE, NEUTRAL_SCORE, type ScorePlugin } from '../framework.ts';

export const realLoad: ScorePlugin = {
  name: 'NodeRealLoad',
  preScore({ requests: { scoringCpuMillis, scoringMemoryBytes } }, { nowMs }) {
    return ({ reading, sinceReading, allocatable }) => {
      if (!isFresh(reading, nowMs)) return NEUTRAL_SCORE;
      const { cpuMillis, memoryAvailableBytes } = reading;
      const cpu =
        cpuMillis === undefined
          ? NEUTRAL_SCORE
          : freeScore(
              allocatable.cpuMillis - cpuMillis - sinceReading.cpuMillis - scoringCpuMillis,
              allocatable.cpuMillis,
            );
      const memory =
        memoryAvailableBytes === undefined
          ? NEUTRAL_SCORE
          : freeScore(memoryAvailableBytes - sinceReading.memoryBytes - scoringMemoryBytes, allocatable.memoryBytes);
      return (cpu + memory) / 2;
    };
  },
};

function freeScore(free: number, total: number): number {
  return total <= 0 ? 0 : clampScore((free / total) * MAX_SCORE);
}
