/** The world as a DaemonSet sees it: node by node, with the pods that were made for each. */
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { REVISION_HASH_LABEL } from '../history/revisions.ts';
import type { NodeFit } from './placement.ts';

/** One node as the DaemonSet sees it. */
export interface NodeView {
  name: string;
  fit: NodeFit;
  /** The oldest first; all that were made for the node, ended and leaving ones included. */
  pods: readonly Pod[];
}

/** What the steps of a plan go by. */
export interface DaemonSetView {
  set: DaemonSet;
  nodes: readonly NodeView[];
  /** Of the present template. */
  hash: string;
  nowMs: number;
}

export function hashOf({ metadata }: Pod): string {
  return metadata.labels?.[REVISION_HASH_LABEL] ?? '';
}
