/** What an autoscaler has wanted and done lately: in memory, as far back as its windows reach. */

export interface Recommendation {
  replicas: number;
  atMs: number;
}

/** A change of the number of pods. */
export interface ScaleEvent {
  change: number;
  atMs: number;
}

/** Longest window and period that validation lets through. */
const MAX_WINDOW_MS = 3_600_000;

export class ScaleHistory {
  recommendations: Recommendation[] = [];
  ups: ScaleEvent[] = [];
  downs: ScaleEvent[] = [];

  /** Forgets what no window reaches any more. */
  prune(nowMs: number): void {
    const isRecent = ({ atMs }: { atMs: number }): boolean => nowMs - atMs <= MAX_WINDOW_MS;
    this.recommendations = this.recommendations.filter(isRecent);
    this.ups = this.ups.filter(isRecent);
    this.downs = this.downs.filter(isRecent);
  }

  noteScale(from: number, to: number, atMs: number): void {
    const event = { change: Math.abs(to - from), atMs };
    if (to > from) this.ups.push(event);
    else this.downs.push(event);
  }
}
