/** The picture that a decision is made from. A decision is synchronous, so the cache itself is the snapshot. */
import type { ImageState } from './images/image-state.ts';
import type { LocalScores } from './local-scores.ts';
import type { NodeInfo } from './node-info.ts';
import type { CountsByNode, PodGroups } from './pod-groups.ts';
import type { TermIndex } from './term-index.ts';
import type { Traits } from './traits.ts';
import type { VolumeState } from './volumes/volume-state.ts';

export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  /** Monotonic time, for the age of readings. */
  readonly nowMs: number;
  node(name: string): NodeInfo | undefined;
  readonly traits: Traits;
  /** uid of a controller → node name → number of its pods there. */
  readonly owners: ReadonlyMap<string, CountsByNode>;
  /** How many pods of some kind each node has. */
  readonly groups: PodGroups;
  /** What the placed pods demand and wish about their neighbours. */
  readonly terms: TermIndex;
  readonly volumes: VolumeState;
  readonly images: ImageState;
  /** Scores that were worked out already. */
  readonly localScores: LocalScores;
}
