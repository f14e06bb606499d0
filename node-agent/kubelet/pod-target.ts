/** What a plan is carried out for: the pod, and all that was found out about it before the first step. */
import type { Pod } from '../../shared/api/pod.ts';
import type { ObservedPod } from './pod/observed-pod.ts';
import type { Allocation } from './spec/allocation.ts';
import type { PodFacts } from './spec/downward.ts';
import type { PreparedVolumes } from './volumes/prepared-volume.ts';

export interface PodTarget {
  uid: string;
  /** undefined: the API server does not know the pod any more; then only removals are planned. */
  pod: Pod | undefined;
  observed: ObservedPod;
  facts: PodFacts;
  volumes: PreparedVolumes;
  allocation: Allocation;
  sandboxAttempt: number;
}
