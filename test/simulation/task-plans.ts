/** What simulated containers do with their lives: by their image, and by their pod's uid, which the seed decides. */
import type { ContainerConfig } from '../../node-agent/container-runtime/runtime.ts';
import type { ContainerPlan } from '../support/fake-runtime.ts';

/** Images of programs that end: always well, now and then badly, always badly. */
export const TASK_IMAGES = ['task:good', 'task:flaky', 'task:bad'] as const;

/** What a failure policy may take for the end of everything. */
export const FATAL_EXIT_CODE = 42;

const MAX_RUN_MS = 30_000;

export function planOfTask({ image, pod, attempt }: ContainerConfig): ContainerPlan {
  const chance = hash(`${pod.uid} ${attempt}`);
  // Some programs take the whole of their grace.
  if (!image.startsWith('task:')) return { ignoresStop: chance % 3 === 0 };
  const runForMs = 200 + (chance % MAX_RUN_MS);
  return { runForMs, exitCode: exitCodeOf(image, chance >>> 8) };
}

function exitCodeOf(image: string, chance: number): number {
  if (image === 'task:good') return 0;
  if (image === 'task:flaky' && chance % 3 > 0) return 0;
  return chance % 7 === 0 ? FATAL_EXIT_CODE : 1;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}
