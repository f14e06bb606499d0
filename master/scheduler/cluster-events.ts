/** What happened in the cluster that may help a pod which fitted nowhere. Collected between two turns, then forgotten. */
import type { PodInfo } from './pod-info.ts';

export type ClusterEvent =
  /** A node came, or changed so that it may take more. */
  | { readonly type: 'node-changed'; readonly nodeName: string }
  | { readonly type: 'pod-placed'; readonly pod: PodInfo; readonly nodeName: string }
  /** A pod left its node, or began to leave. */
  | { readonly type: 'pod-left'; readonly pod: PodInfo; readonly nodeName: string }
  | { readonly type: 'namespace-changed'; readonly namespace: string }
  /** A claim, a volume or a storage class. */
  | { readonly type: 'storage-changed' }
  /** More is known of the image, in its canonical name, or it has been waited for long enough. */
  | { readonly type: 'image-changed'; readonly image: string };

/** More events than this at one turn, and every resting pod is woken instead of asked. */
export const MAX_EVENTS = 1_000;
