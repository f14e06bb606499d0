/** Where a temperature goes: the slope of the last ten minutes, by least squares. Pure. */
import type { TrendView } from '../views/view-types.ts';
import { SLOT_MS } from './ring.ts';

/** Slots that the slope is taken of: ten minutes. */
export const TREND_SLOTS = 20;

/** Fewer than these say nothing. */
const MIN_SLOTS = 4;

/** Slower than this is steady: sensors flicker by a degree. */
const STEADY_CELSIUS_PER_HOUR = 9;

const SLOTS_AN_HOUR = 3_600_000 / SLOT_MS;

/** `celsius`: one value a slot, oldest first. */
export function computeTrend(celsius: readonly (number | null)[]): Pick<TrendView, 'direction' | 'celsiusPerHour'> {
  const points = celsius.flatMap((value, index): [number, number][] => (value === null ? [] : [[index, value]]));
  if (points.length < MIN_SLOTS) return { direction: 'unknown', celsiusPerHour: 0 };
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const celsiusPerHour = Math.round((covariance / variance) * SLOTS_AN_HOUR);
  if (Math.abs(celsiusPerHour) < STEADY_CELSIUS_PER_HOUR) return { direction: 'steady', celsiusPerHour };
  return { direction: celsiusPerHour > 0 ? 'rising' : 'falling', celsiusPerHour };
}

/** Every `step` slots the mean of them, so that a small picture needs few points. */
export function thin(values: readonly (number | null)[], step: number): (number | null)[] {
  return Array.from({ length: Math.floor(values.length / step) }, (_, index) => {
    const known = values.slice(index * step, (index + 1) * step).filter((value) => value !== null);
    return known.length === 0
      ? null
      : Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 10) / 10;
  });
}
