/**
 * When an ended container starts again: at once after its first end, then after 10 s, 20 s, … 5 min; a run of more than
 * 10 min begins anew. The count of ends lies in the container's own annotations, so that a new agent goes on counting.
 * Source: Kubernetes documentation, "Container restarts".
 */
import type { ContainerRecord } from '../../container-runtime/runtime.ts';

const INITIAL_DELAY_MS = 10_000;
const MAX_DELAY_MS = 300_000;
const RESET_AFTER_MS = 600_000;

/** Annotation of a container: how many runs in a row had ended when it was made. */
export const CRASHES_ANNOTATION = 'bramble.dev/crashes';

export interface Restart {
  /** From the end of the run until the next one, milliseconds. */
  delayMs: number;
  /** What the next run is annotated with. */
  crashes: number;
}

export function computeRestart(ended: ContainerRecord): Restart {
  const crashes = ranLong(ended) ? 0 : crashesOf(ended);
  return { delayMs: computeDelayMs(crashes), crashes: crashes + 1 };
}

export function crashesOf({ annotations }: Pick<ContainerRecord, 'annotations'>): number {
  const count = Number(annotations[CRASHES_ANNOTATION] ?? 0);
  return Number.isInteger(count) && count > 0 ? count : 0;
}

function computeDelayMs(crashes: number): number {
  return crashes === 0 ? 0 : Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** Math.min(crashes - 1, 16));
}

function ranLong({ startedAtMs, exit }: ContainerRecord): boolean {
  return startedAtMs !== undefined && exit !== undefined && exit.finishedAtMs - startedAtMs > RESET_AFTER_MS;
}
