/** The machine's clock, of which a test can leave out minutes: what was due in them happens at once. */
import { type Clock, systemClock, type Timer } from '../../shared/platform/clock.ts';

export interface SkippingClock extends Clock {
  skip(ms: number): void;
}

interface Waiting {
  dueMs: number;
  timer: Timer;
  callback: () => void;
}

export function createSkippingClock(): SkippingClock {
  const waiting = new Set<Waiting>();
  let skippedMs = 0;
  const monotonicMs = (): number => systemClock.monotonicMs() + skippedMs;
  const arm = (entry: Waiting): void => {
    entry.timer = systemClock.after(entry.dueMs - monotonicMs(), () => {
      waiting.delete(entry);
      entry.callback();
    });
  };
  return {
    monotonicMs,
    nowMs: () => systemClock.nowMs() + skippedMs,
    after(delayMs, callback) {
      const entry: Waiting = { dueMs: monotonicMs() + delayMs, timer: { cancel: () => undefined }, callback };
      waiting.add(entry);
      arm(entry);
      return {
        cancel() {
          waiting.delete(entry);
          entry.timer.cancel();
        },
      };
    },
    skip(ms) {
      skippedMs += ms;
      for (const entry of waiting) {
        entry.timer.cancel();
        arm(entry);
      }
    },
  };
}
