/** Readings that tremble are not news: a number is told again when it has left the band around what was told last. Pure. */
import type { NodeState } from './state.ts';

type Reading = 'temperatureCelsius' | 'cpuPercent' | 'memoryPercent' | 'diskPercent';

/** Half a width of each band, and the step to which the number is rounded. */
const BANDS: Readonly<Record<Reading, { band: number; step: number }>> = {
  temperatureCelsius: { band: 1, step: 0.5 },
  cpuPercent: { band: 5, step: 1 },
  memoryPercent: { band: 2, step: 1 },
  diskPercent: { band: 1, step: 1 },
};

const READINGS: readonly Reading[] = ['temperatureCelsius', 'cpuPercent', 'memoryPercent', 'diskPercent'];

export function steadyNodeState(next: NodeState, told: NodeState | undefined): NodeState {
  const result = { ...next };
  for (const reading of READINGS) {
    const value = next[reading];
    if (value === undefined) continue;
    const { band, step } = BANDS[reading];
    const before = told?.[reading];
    result[reading] =
      before !== undefined && Math.abs(value - before) < band ? before : Math.round(value / step) * step;
  }
  return result;
}
