/**
 * Hysteresis, pure: a state that begins at once and ends only after a quiet time, so that a reading at its limit does not make
 * a node's condition, its taint and its pods flap.
 */
export interface Latch {
  readonly isOn: boolean;
  /** Monotonic time of the last reading that was not good. */
  readonly lastBadMs: number;
}

/** `unclear`: between the limit at which it begins and the one below which it ends. */
export type Reading = 'bad' | 'unclear' | 'good';

export const LATCH_OFF: Latch = { isOn: false, lastBadMs: 0 };

export function stepLatch(
  latch: Latch,
  reading: Reading,
  { nowMs, quietMs }: { nowMs: number; quietMs: number },
): Latch {
  if (reading === 'bad') return { isOn: true, lastBadMs: nowMs };
  if (!latch.isOn) return latch;
  if (reading === 'unclear') return { isOn: true, lastBadMs: nowMs };
  return nowMs - latch.lastBadMs >= quietMs ? { ...latch, isOn: false } : latch;
}
