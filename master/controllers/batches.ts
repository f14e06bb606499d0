/**
 * Many like requests: first one, then two, four…, so that what cannot work fails once and not five hundred times. The first
 * failure ends it.
 */
export interface BatchFailure {
  reason: unknown;
  /** Failed, and not tried any more. */
  missing: number;
}

const FIRST_BATCH = 1;

/** undefined: all went well. */
export async function runInBatches<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<BatchFailure | undefined> {
  let done = 0;
  for (let size = FIRST_BATCH; done < items.length; size *= 2) {
    const batch = items.slice(done, done + size);
    const results = await Promise.allSettled(batch.map(run));
    done += batch.length;
    const failed = results.filter((result) => result.status === 'rejected');
    const [first] = failed;
    if (first !== undefined) return { reason: first.reason, missing: failed.length + items.length - done };
  }
  return undefined;
}
