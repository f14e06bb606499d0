/**
 * Which pods end in which order when the board is switched off, and how much time each phase has. Pure.
 * Source: Kubernetes, "Node Shutdowns": ordinary pods first, critical ones with what is left of the time.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { isCritical } from '../admission/admission.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';

export interface ShutdownSettings {
  /** For all pods together; 0: none is ended, the engine stops them as it likes. */
  gracePeriodSeconds: number;
  /** What of it is left for critical pods. */
  criticalPodsSeconds: number;
}

export const DEFAULT_SHUTDOWN_SETTINGS: ShutdownSettings = { gracePeriodSeconds: 30, criticalPodsSeconds: 10 };

export interface ShutdownPhase {
  name: 'ordinary' | 'critical';
  pods: readonly Pod[];
  seconds: number;
}

export function computeShutdownPhases(pods: readonly Pod[], settings: ShutdownSettings): ShutdownPhase[] {
  const { gracePeriodSeconds, criticalPodsSeconds } = settings;
  const ending = pods.filter(endsWithBoard);
  const phases: ShutdownPhase[] = [
    {
      name: 'ordinary',
      pods: ending.filter((pod) => !isCritical(pod)),
      seconds: Math.max(0, gracePeriodSeconds - criticalPodsSeconds),
    },
    { name: 'critical', pods: ending.filter(isCritical), seconds: Math.min(criticalPodsSeconds, gracePeriodSeconds) },
  ];
  return phases.filter((phase) => phase.pods.length > 0);
}

/**
 * A pod that nobody would make anew runs again when the board is back: it is left to the engine, which ends it in time. So is
 * what is on its way out already.
 */
export function endsWithBoard({ metadata, status }: Pod): boolean {
  const hasController = metadata.ownerReferences?.some(({ controller }) => controller) ?? false;
  return hasController && metadata.deletionTimestamp === undefined && !isTerminalPhase(status.phase);
}

/** Never more than the pod asks for. */
export function graceSecondsOf({ spec }: Pod, { seconds }: ShutdownPhase): number {
  return Math.min(spec.terminationGracePeriodSeconds ?? seconds, seconds);
}
