/**
 * When most nodes vanish at once, it is rather the master that has lost its network. It waits: no pod is moved for that until
 * nodes come back or the time of doubt is over. Pure. Nodes that had been lost before do not count, they are old news.
 */
import type { NodeLifecycleSettings } from './settings.ts';

export interface Census {
  /** When each node that is down was lost; monotonic. */
  lostMs: readonly number[];
  up: number;
}

/** Losses within this time count as one. */
export const AT_ONCE_MS = 60_000;

/** One node alone says nothing of the master. */
const MIN_LOST = 2;

/** Since when the master doubts itself; undefined: it does not. */
export function computeDoubt(
  { lostMs, up }: Census,
  sinceMs: number | undefined,
  { nowMs, settings }: { nowMs: number; settings: NodeLifecycleSettings },
): number | undefined {
  const fromMs = (sinceMs ?? nowMs) - AT_ONCE_MS;
  const lost = lostMs.filter((atMs) => atMs >= fromMs).length;
  const isMost = lost >= MIN_LOST && lost / (lost + up) > settings.selfDoubtShare;
  if (!isMost || settings.selfDoubtMs === 0) return undefined;
  return sinceMs ?? nowMs;
}

/** Milliseconds for which it goes on doubting; 0: it has doubted enough. */
export function doubtForMs(sinceMs: number | undefined, nowMs: number, { selfDoubtMs }: NodeLifecycleSettings): number {
  return sinceMs === undefined ? 0 : Math.max(0, sinceMs + selfDoubtMs - nowMs);
}
