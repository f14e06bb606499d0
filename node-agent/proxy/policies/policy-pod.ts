/** A pod as policies see it: who it is, where it is, and what its ports are called. */
import type { Protocol } from '../services/portal.ts';

export interface PolicyPod {
  namespace: string;
  name: string;
  labels: Readonly<Record<string, string>>;
  /** Empty until it has its network, and when it is over. */
  addresses: readonly string[];
  /** On this machine: its policies are enforced here. */
  isLocal: boolean;
  /** Named ports of its containers. */
  ports: readonly NamedPort[];
}

export interface NamedPort {
  name: string;
  protocol: Protocol;
  port: number;
}

/** Everything that policies look at. */
export interface PolicyWorld {
  pods: readonly PolicyPod[];
  /** Labels of each namespace. */
  namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** `default/web-1` */
export function podKeyOf({ namespace, name }: Pick<PolicyPod, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}
