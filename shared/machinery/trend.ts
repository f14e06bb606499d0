/**
 * How fast a reading rises or falls: the slope of the straight line with the least squared distance to the last readings.
 * Pure; an instance is a value. Readers are scheduler and heat protection.
 */
export interface TrendPoint {
  readonly atMs: number;
  readonly value: number;
}

/** Readings that a trend is made from at most. */
export const MAX_TREND_POINTS = 12;

/** Older readings say nothing about where it goes now. */
export const TREND_WINDOW_MS = 300_000;

/** With fewer readings, or readings from a shorter time, a wobble would look like a trend. */
const MIN_TREND_POINTS = 3;
const MIN_TREND_SPAN_MS = 15_000;

const MINUTE_MS = 60_000;

/** The points with one more; in order of time. */
export function addTrendPoint(points: readonly TrendPoint[], point: TrendPoint): TrendPoint[] {
  const recent = points.filter(({ atMs }) => point.atMs - atMs <= TREND_WINDOW_MS && atMs < point.atMs);
  return [...recent.slice(1 - MAX_TREND_POINTS), point];
}

/**
 * Change a minute at `nowMs`; 0 when too little is known. Silence since the last reading counts as one more of the same
 * value: who reports changes only says by silence that there is none.
 */
export function trendPerMinute(points: readonly TrendPoint[], nowMs: number): number {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < MIN_TREND_POINTS) return 0;
  if (last.atMs - first.atMs < MIN_TREND_SPAN_MS) return 0;
  const silent = nowMs > last.atMs ? [{ atMs: nowMs, value: last.value }] : [];
  return slope([...points, ...silent]) * MINUTE_MS;
}

/** Times are taken from the first point, so that large numbers do not eat the digits. */
function slope(points: readonly TrendPoint[]): number {
  const originMs = points[0]?.atMs ?? 0;
  const meanMs = points.reduce((sum, { atMs }) => sum + (atMs - originMs), 0) / points.length;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / points.length;
  let [product, square] = [0, 0];
  for (const { atMs, value } of points) {
    const distanceMs = atMs - originMs - meanMs;
    product += distanceMs * (value - meanValue);
    square += distanceMs * distanceMs;
  }
  return square === 0 ? 0 : product / square;
}
