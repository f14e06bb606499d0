/**
 * What the node has to say about its pods beside the API: whether a pod may come in, whether it must go, and what a new run
 * of a container gets. Asked at each look at a pod, so that the answer is always the present one.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { ContainerConfig } from '../../container-runtime/runtime.ts';
import type { ObservedPod } from './observed-pod.ts';

/** The node ends the pod: its phase becomes Failed, for this reason. */
export interface PodEnding {
  /** `Evicted`, `DeviceLost`, `OutOfcpu`, … */
  reason: string;
  message: string;
  /** Shorter than the pod's own grace; undefined: the pod's own. */
  graceSeconds: number | undefined;
  /** The pod could have run on: told as the condition DisruptionTarget. */
  isDisruption: boolean;
}

/** What a run gets from the node beside its specification. */
export interface ContainerGrant {
  devices: ContainerConfig['devices'];
  /** Set before the pod's own variables, which may name them. */
  env: { name: string; value: string }[];
  /** Read back by `list`: how the node knows again what it gave. */
  annotations: Record<string, string>;
}

export interface PodGate {
  /** undefined: the pod may come in, or run on. */
  ending(pod: Pod, observed: ObservedPod): PodEnding | undefined;
  grant(pod: Pod, container: string): ContainerGrant;
  /** Nothing is left of the pod. */
  forget(uid: string): void;
}

export const NOTHING_GRANTED: ContainerGrant = { devices: [], env: [], annotations: {} };

/** Everybody may come in and stay. */
export const OPEN_GATE: PodGate = {
  ending: () => undefined,
  grant: () => NOTHING_GRANTED,
  forget: () => undefined,
};
