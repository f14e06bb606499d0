/** Which pods are worth more than others, and which way to make room hurts least. Pure. */
import { parseTime } from '../../../shared/platform/clock.ts';
import type { PodInfo } from '../pod-info.ts';

export interface Preemption {
  node: string;
  /** Empty: pods that are leaving already make the room. */
  victims: readonly PodInfo[];
  /** Victims whose going breaks a budget. */
  violations: number;
}

/** The more important first: higher priority, then longer at work. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return startedMs(a) - startedMs(b) || (a.key < b.key ? -1 : 1);
}

function startedMs({ pod }: PodInfo): number {
  return parseTime(pod.status.startTime ?? pod.metadata.creationTimestamp) ?? 0;
}

export function isBetter(a: Preemption, b: Preemption): boolean {
  const [ofA, ofB] = [rank(a), rank(b)];
  for (const [index, value] of ofA.entries()) {
    const other = ofB[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

/** Smaller is better, the first difference decides. */
function rank({ victims, violations }: Preemption): number[] {
  const highest = victims.reduce((most, { priority }) => Math.max(most, priority), Number.NEGATIVE_INFINITY);
  const sum = victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  // Of the most important victims, those that began last have done the least work.
  const important = victims.filter(({ priority }) => priority === highest);
  const earliest = important.reduce((least, pod) => Math.min(least, startedMs(pod)), Number.POSITIVE_INFINITY);
  return [violations, highest, sum, victims.length, -earliest];
}
