/** Tests wait for conditions, never for time. */
import { sleep, systemClock } from '../../shared/platform/clock.ts';

const POLL_MS = 100;

/**
 * Asks until `probe` returns something else than undefined or false, and returns that. Errors of the probe count as "not
 * yet" and are shown when the time is over.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new Error(`${what} did not come true in ${timeoutMs / 1000} s`, { cause: lastError });
    }
    await sleep(systemClock, POLL_MS);
  }
}
