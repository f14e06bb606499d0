/**
 * What a benchmark is: a name, a sentence, and a run that measures and judges. A bench takes its peers along in the same run,
 * because figures of two runs on a shared machine cannot be compared.
 */
import type { Clock } from '../../shared/platform/clock.ts';

/** One promise about one figure; `ok` says whether the bound was kept. */
export interface Goal {
  value: number;
  bound: number;
  ok: boolean;
}

/** Units stand last in a figure's name: `putsPerSecond100`, `rssMb`, `cpuMicrosPerPut`. */
export type Figures = Record<string, number | string>;

export interface BenchResult {
  figures: Figures;
  /** Keyed by the figure that is judged. */
  goals: Record<string, Goal>;
}

export interface BenchContext {
  clock: Clock;
  /** An empty folder of this run; it is removed afterwards. */
  directory: string;
  /** Aborts on Ctrl-C: end the children and return. */
  signal: AbortSignal;
  /** A line of progress for the person who waits. */
  progress(line: string): void;
}

export interface Bench {
  name: string;
  /** One sentence for the list of benches. */
  description: string;
  run(context: BenchContext): Promise<BenchResult>;
}

/** A goal that is kept when `value` is no more than `bound`. */
export function atMost(value: number, bound: number): Goal {
  return { value, bound, ok: value <= bound };
}

/** A goal that is kept when `value` is no less than `bound`. */
export function atLeast(value: number, bound: number): Goal {
  return { value, bound, ok: value >= bound };
}
