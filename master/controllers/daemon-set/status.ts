/** The status of a DaemonSet: nodes counted by what they should have and what they have. Pure. */
import type { DaemonSetStatus } from '../../../shared/api/daemon-set.ts';
import { isPodReady } from '../pod-state.ts';
import { isAvailable } from './upkeep.ts';
import { type DaemonSetView, hashOf, type NodeView } from './view.ts';

export function computeDaemonSetStatus(view: DaemonSetView): DaemonSetStatus {
  const { set, nodes, hash } = view;
  const desired = nodes.filter(({ fit }) => fit.shouldRun);
  const oldest = desired.flatMap(({ pods }) => pods[0] ?? []);
  const available = oldest.filter((pod) => isAvailable(view, pod)).length;
  const { collisionCount, conditions } = set.status;
  return {
    currentNumberScheduled: oldest.length,
    numberMisscheduled: nodes.filter(isMisscheduled).length,
    desiredNumberScheduled: desired.length,
    numberReady: oldest.filter(isPodReady).length,
    observedGeneration: set.metadata.generation ?? 0,
    updatedNumberScheduled: oldest.filter((pod) => hashOf(pod) === hash).length,
    numberAvailable: available,
    numberUnavailable: desired.length - available,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

function isMisscheduled({ fit, pods }: NodeView): boolean {
  return !fit.shouldRun && pods.length > 0;
}
