/**
 * A figure that boards tell at uneven times, smoothed. Silence means that it stayed about the same (agents keep a dead band),
 * so the figure is a staircase, and its average and its peak have closed forms at any time. Pure.
 */

/** As of the time of the last reading. */
export interface Smoothed {
  readonly atMs: number;
  readonly latest: number;
  readonly average: number;
  /** The highest value, fading towards the average. */
  readonly peak: number;
}

export interface SmoothingWindows {
  /** Time constant of the average: after it, 63 % of a step are in. */
  readonly averageMs: number;
  /** Time constant with which a peak is forgotten. */
  readonly peakMs: number;
}

export function observe(
  before: Smoothed | undefined,
  latest: number,
  { atMs, windows }: { atMs: number; windows: SmoothingWindows },
): Smoothed {
  if (before === undefined) return { atMs, latest, average: latest, peak: latest };
  const average = averageAt(before, atMs, windows);
  return { atMs, latest, average, peak: Math.max(latest, peakAt(before, atMs, windows)) };
}

export function averageAt({ atMs, latest, average }: Smoothed, nowMs: number, { averageMs }: SmoothingWindows): number {
  return latest + (average - latest) * fade(nowMs - atMs, averageMs);
}

/** Never below the average. */
export function peakAt(smoothed: Smoothed, nowMs: number, windows: SmoothingWindows): number {
  const average = averageAt(smoothed, nowMs, windows);
  const { atMs, latest, peak } = smoothed;
  return Math.max(average, latest + (peak - latest) * fade(nowMs - atMs, windows.peakMs));
}

/** What is left of a distance after so long. */
export function fade(elapsedMs: number, timeConstantMs: number): number {
  return Math.exp(-Math.max(0, elapsedMs) / timeConstantMs);
}
