/**
 * Placement: why a pod is where it is, or why nowhere, node by node. Computed by the scheduler when somebody asks, never
 * stored: `GET /apis/bramble.dev/v1/namespaces/NAMESPACE/placements/POD`.
 */
export interface PlacementScore {
  plugin: string;
  /** 0…100; what it adds to the total is score × weight. */
  score: number;
  weight: number;
}

export interface PlacementNode {
  name: string;
  /** No filter refused it. */
  feasible: boolean;
  /** Of a feasible node. */
  total?: number;
  scores?: PlacementScore[];
  /** Who refused it, and why. */
  plugin?: string;
  reasons?: string[];
}

export type PlacementOutcome =
  /** On `nodeName`, or on its way there. */
  | 'Placed'
  /** Fits nowhere now. */
  | 'Unschedulable'
  /** Waits for its turn, or for its back-off to end. */
  | 'Waiting'
  /** Not this scheduler's to place: `message` says why. */
  | 'NotConsidered';

export interface Placement {
  apiVersion: 'bramble.dev/v1';
  kind: 'Placement';
  /** Name and namespace of the pod. */
  metadata: { name: string; namespace: string; creationTimestamp?: string };
  outcome: PlacementOutcome;
  nodeName?: string;
  /** Room is being made for the pod there. */
  nominatedNodeName?: string;
  message: string;
  /**
   * `Recorded`: the figures are those of the decision itself. `Computed`: that one is forgotten or has not been made; the
   * figures are of now, as if the pod had to be placed again.
   */
  source?: 'Recorded' | 'Computed';
  /** Best first, then those that refused. */
  nodes: PlacementNode[];
  /** Nodes that are not in the list: not looked at, or too many to name. */
  nodesLeftOut: number;
}
