/**
 * Time as a parameter. Nothing outside this room reads the machine's clock or sets a timer, so that a simulation can run
 * hours of cluster life in a second and the same seed gives the same trace.
 */
export interface Timer {
  /** Idempotent; the callback will not run any more. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. It may jump: boards have no clock at boot. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. Never jumps; measure durations and deadlines with it. */
  monotonicMs(): number;
  /** Runs `callback` once, `delayMs` of monotonic time from now, never synchronously. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Node's timers overflow above 2^31-1 ms and would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  // The same clock as performance.now(), which would load a dozen modules of Node.
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** `2026-11-22T10:00:00Z`: the form of Kubernetes' `Time`, seconds precision. */
export function formatTime(epochMs: number): string {
  return `${formatIsoTime(epochMs).slice(0, 19)}Z`;
}

/** `2026-11-22T10:00:00.123000Z`: the form of Kubernetes' `MicroTime`. */
export function formatMicroTime(epochMs: number): string {
  return `${formatIsoTime(epochMs).slice(0, 23)}000Z`;
}

/**
 * `2026-11-22T10:00:00.123Z`. Date's own toISOString asks for the machine's time zone and its names before it does without
 * them: 0.8 MB of a process that needs no others. Throws RangeError for what is no time.
 */
export function formatIsoTime(epochMs: number): string {
  const date = new Date(epochMs);
  const year = date.getUTCFullYear();
  // Years of other lengths, and what is no time, are for those who know how.
  if (!(year >= 0 && year <= 9999)) return date.toISOString();
  const day = [digits(year, 4), digits(date.getUTCMonth() + 1, 2), digits(date.getUTCDate(), 2)].join('-');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    .map((part) => digits(part, 2))
    .join(':');
  return `${day}T${time}.${digits(date.getUTCMilliseconds(), 3)}Z`;
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0');
}

/** Milliseconds since the epoch, or undefined when `text` is no RFC 3339 time. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
