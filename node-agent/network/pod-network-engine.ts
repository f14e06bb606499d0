/** What the container engine is asked for: one network a node, on a bridge of its own. */
export interface PodNetworkRecord {
  /** Ranges of its addresses, one a family. */
  subnets: readonly string[];
  bridge: string;
  /** Ids of the containers on it that run. */
  containers: readonly string[];
}

export interface PodNetworkRequest {
  name: string;
  bridge: string;
  subnets: readonly string[];
  node: string;
  /** Whether the engine itself gives packets that leave a new source: where we may not write rules. */
  masquerade: boolean;
}

/** Rejects with the engine's error. */
export interface PodNetworkEngine {
  /** undefined: there is none of that name. */
  findNetwork(name: string): Promise<PodNetworkRecord | undefined>;
  createNetwork(request: PodNetworkRequest): Promise<void>;
  /** A missing one is fine. */
  removeNetwork(name: string): Promise<void>;
  /** Kills and removes a container; a missing one is fine. */
  removeContainer(id: string): Promise<void>;
}
