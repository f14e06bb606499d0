/** The steps that bring a pod from what is observed to what is wanted. Executed one after the other, in order. */
import type { ContainerAmounts } from '../../container-runtime/runtime.ts';
import type { ContainerRole } from './pod-containers.ts';

export type PodAction =
  | { type: 'run-sandbox'; attempt: number }
  /** Kills what still runs in it. */
  | { type: 'remove-sandbox'; id: string }
  /** Looks whether the image is here, and pulls it in the background where the policy says so. */
  | { type: 'ensure-image'; container: string; role: ContainerRole; attempt: number }
  /** Makes and starts it. */
  | {
      type: 'create-container';
      container: string;
      role: ContainerRole;
      sandboxId: string;
      attempt: number;
      crashes: number;
    }
  /** Starts what was made before. */
  | { type: 'start-container'; container: string; id: string; attempt: number }
  /** Changes the amounts of a running container. */
  | { type: 'update-container'; container: string; id: string; amounts: ContainerAmounts }
  /** In the background, because it may take the whole grace period. */
  | { type: 'stop-container'; container: string; id: string; graceSeconds: number; message: string }
  | { type: 'remove-container'; id: string }
  | { type: 'remove-files' }
  /** Tells the API server that nothing is left of the pod. */
  | { type: 'finish-deletion' };

export interface PodPlan {
  actions: PodAction[];
  /** When to look again though nothing changes; undefined: only at a change. */
  lookAgainMs: number | undefined;
}

export const NOTHING_TO_DO: PodPlan = { actions: [], lookAgainMs: undefined };
