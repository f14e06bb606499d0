/** Which signals are below their thresholds, with hysteresis, and which conditions of the node that makes. Pure. */
import type { Reading } from '../node/latch.ts';
import { type Observations, SIGNALS, type Signal } from './signals.ts';
import type { Threshold, Thresholds } from './thresholds.ts';

export type PressureType = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export const PRESSURE_OF: Readonly<Record<Signal, PressureType>> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'pid.available': 'PIDPressure',
};

/** Once met, a threshold stays met until the minimum reclaim is there as well. In order of urgency. */
export function computeMet(
  before: readonly Signal[],
  { observations, thresholds }: { observations: Observations; thresholds: Thresholds },
): Signal[] {
  return SIGNALS.filter((signal) => {
    const [seen, threshold] = [observations.get(signal), thresholds.get(signal)];
    if (seen === undefined || threshold === undefined) return false;
    const reading = readSignal(seen.available, threshold);
    return reading === 'bad' || (reading === 'unclear' && before.includes(signal));
  });
}

export function readSignal(available: number, { minimum, reclaim }: Threshold): Reading {
  if (available < minimum) return 'bad';
  return available < minimum + reclaim ? 'unclear' : 'good';
}

/** Whether a condition of the node is fed by any signal that the board can tell. */
export function isKnown(type: PressureType, observations: Observations): boolean {
  return [...observations.keys()].some((signal) => PRESSURE_OF[signal] === type);
}
