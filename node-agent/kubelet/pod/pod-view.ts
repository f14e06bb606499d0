/** All that a decision about a pod looks at: the wanted pod, the observed one, and what is under way. Read only. */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ContainerAmounts, ContainerRecord } from '../../container-runtime/runtime.ts';
import type { Allocation } from '../spec/allocation.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { PodEnding } from './pod-gate.ts';

export interface PodView {
  pod: Pod;
  observed: ObservedPod;
  nowMs: number;
  volumesReady: boolean;
  /** An answer of the API that they need is on its way; all else that the pod needs of the API is known. */
  volumesComing: boolean;
  /** What is known about the image for one run of a container; undefined: nobody has looked. */
  image(container: string, attempt: number): ImageVerdict | undefined;
  /** Grace of the stop that is under way; undefined: none is. */
  stoppingGraceSeconds(containerId: string): number | undefined;
  /** For how long a container has been over; robust against clocks that jump. */
  endedForMs(record: ContainerRecord): number;
  probes: ProbeVerdicts;
  /** Why the latest attempt to make or start the container failed before it ran; undefined: nothing failed. */
  startProblem(container: string, attempt: number): StartProblem | undefined;
  /** Why the latest attempt to make the sandbox failed; undefined: it did not. */
  sandboxProblem: StartProblem | undefined;
  /** What was begun right after the start of a run; undefined: nothing, or it is over and went well. */
  postStart(record: ContainerRecord): 'running' | 'failed' | undefined;
  /** What the node gives to the pod of what it asks for. */
  allocation: Allocation;
  /** The allocation of a container in the runtime's words. */
  amounts(container: Container): ContainerAmounts;
  /** Why the amounts of the container could not be changed; undefined: nothing failed. */
  resizeProblem(container: string): StartProblem | undefined;
  /** The node ends the pod; absent: it may run. */
  ending?: PodEnding | undefined;
}

export type ImageVerdict =
  /** `imageUser`: the user that the image names. */
  | { type: 'present'; imageUser: string }
  | { type: 'pulling' }
  /** `reason` is Kubernetes' waiting reason. */
  | { type: 'failed'; reason: string; message: string; retryInMs: number };

export interface StartProblem {
  /** `CreateContainerConfigError`, `CreateContainerError` */
  reason: string;
  message: string;
  retryInMs: number;
}

/** What probes say of a running container; without probes a running container is started, ready and alive. */
export interface ProbeVerdicts {
  isStarted(record: ContainerRecord): boolean;
  isReady(record: ContainerRecord): boolean;
  /** The liveness or startup probe has given up on it. */
  failure(record: ContainerRecord): { message: string; graceSeconds: number | undefined } | undefined;
}

export const NO_PROBES: ProbeVerdicts = {
  isStarted: () => true,
  isReady: () => true,
  failure: () => undefined,
};

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
