/**
 * Words for a table of nftables. A ruleset is put together from fragments, one an owner (a service, a policy, a pod), so that
 * a change costs no more than the fragment that it changes. Rules are nft's own text: what is golden in a test is what the
 * kernel is told.
 */

/** A chain with a hook begins a packet's way; the others are jumped to. */
export interface BaseChain {
  name: string;
  type: 'nat' | 'filter';
  hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  priority: number;
}

export interface NamedSet {
  name: string;
  /** `ipv4_addr . inet_proto . inet_service` */
  key: string;
  /** A map from keys to verdicts. */
  isMap: boolean;
  /** Elements are ranges. */
  isInterval: boolean;
  /** Filled by rules, each element for this long; 0: filled by us. */
  timeoutSeconds: number;
}

export interface Element {
  set: string;
  /** `10.43.0.1 . tcp . 443` */
  key: string;
  /** Verdict, of a map; empty in a set. */
  value: string;
}

/** What one owner adds to the table. Chains and sets are its own; an element's key may be wanted by several owners. */
export interface Fragment {
  /** Among owners that want the same key the smallest rank gets it. */
  rank: string;
  chains: ReadonlyMap<string, readonly string[]>;
  sets: readonly NamedSet[];
  elements: readonly Element[];
}

/** The fixed part of the table. */
export interface Skeleton {
  table: string;
  bases: readonly BaseChain[];
  sets: readonly NamedSet[];
  /** Rules of base chains and of those that they jump to. */
  chains: ReadonlyMap<string, readonly string[]>;
  elements: readonly Element[];
}

/** One step of a transaction. */
export type Change =
  | { type: 'add-set'; set: NamedSet }
  | { type: 'add-chain'; chain: string }
  | { type: 'fill-chain'; chain: string; rules: readonly string[]; isNew: boolean }
  | { type: 'delete-elements'; set: string; elements: readonly Element[] }
  | { type: 'add-elements'; set: string; elements: readonly Element[] }
  | { type: 'delete-chain'; chain: string }
  | { type: 'delete-set'; set: string };

export function setOf(name: string, key: string, traits: Partial<NamedSet> = {}): NamedSet {
  return { name, key, isMap: false, isInterval: false, timeoutSeconds: 0, ...traits };
}
