/** Every computed resource. Those that are about a stored kind are served only where that kind is. */
import type { AnyKind } from '../storage/api-object.ts';
import { localSubjectAccessReviews, selfSubjectAccessReviews, subjectAccessReviews } from './access-reviews.ts';
import { autoscalersV1 } from './autoscaling-v1.ts';
import { bindings } from './bindings.ts';
import { nodeMetrics, podMetrics } from './metrics.ts';
import { type PlacementExplainer, placements } from './placements.ts';
import { selfSubjectReviews, selfSubjectRulesReviews, tokenReviews } from './self-reviews.ts';
import { type SnapshotService, snapshots } from './snapshots.ts';
import type { VirtualResource } from './virtual-resource.ts';

const ALWAYS: readonly VirtualResource[] = [
  selfSubjectReviews,
  tokenReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  localSubjectAccessReviews,
];

export interface VirtualSources {
  explain?: PlacementExplainer | undefined;
  snapshots?: SnapshotService | undefined;
}

export function virtualResources(kinds: readonly AnyKind[], sources: VirtualSources = {}): VirtualResource[] {
  const { explain } = sources;
  const has = (kind: string): boolean => kinds.some((candidate) => candidate.kind === kind);
  return [
    ...ALWAYS,
    ...(has('Pod') ? [bindings] : []),
    ...(has('HorizontalPodAutoscaler') ? [autoscalersV1] : []),
    ...(has('Pod') && explain ? [placements(explain)] : []),
    ...(sources.snapshots ? [snapshots(sources.snapshots)] : []),
    ...(has('NodeSensors') && has('Node') ? [nodeMetrics] : []),
    ...(has('NodeSensors') && has('Pod') ? [podMetrics] : []),
  ];
}
