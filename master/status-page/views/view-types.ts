/**
 * What the page gets to see, by the keys of its entries. Only the fields named here leave the master: no environment, no
 * annotation, no Secret. Types only: the page in the browser imports them too.
 *
 *     verdict                          board/<node>                      trend/<node>    uptime/<node>
 *     workload/<Kind>/<ns>/<name>      pod/<namespace>/<name>            service/<namespace>/<name>
 *     event/<namespace>/<name>         request/<name of the signing request>
 */

/** How an entry is: `quiet` has ended or is wanted so. */
export type Level = 'ok' | 'quiet' | 'warning' | 'problem';

export interface VerdictView {
  level: 'ok' | 'warning' | 'problem';
  /** The worst first. */
  reasons: VerdictReason[];
  /** Reasons beyond those. */
  more: number;
}

export interface VerdictReason {
  level: 'warning' | 'problem';
  text: string;
  /** Key of the entry that it is about. */
  about?: string;
}

export interface BoardView {
  name: string;
  level: Level;
  ready: boolean;
  /** Why it is not ready; empty when it is. */
  reason: string;
  /** RFC 3339: since when it is ready, or not. */
  since?: string;
  cordoned: boolean;
  model: string;
  system: string;
  address: string;
  pods: number;
  podCapacity: number;
  cpuMillis?: number;
  cpuCapacityMillis: number;
  memoryUsedBytes?: number;
  memoryCapacityBytes: number;
  temperatureCelsius?: number;
  throttleCelsius?: number;
  throttled: boolean;
  underVoltage: boolean;
  diskAvailableBytes?: number;
  diskTotalBytes?: number;
  /** Since the board's boot: what wears out a card. */
  diskWrittenBytes?: number;
  wifiSignalDbm?: number;
  wifiQualityPercent?: number;
  loadAverage?: number;
  /** RFC 3339, by the clock of the board. */
  readAt?: string;
  /** Conditions of the node that ask for a look, in its own words. */
  complaints: string[];
}

export interface TrendView {
  /** Where the temperature goes, by the last ten minutes. */
  direction: 'rising' | 'falling' | 'steady' | 'unknown';
  /** °C an hour. */
  celsiusPerHour: number;
  /** The last hour, oldest first; null: not known. */
  celsius: (number | null)[];
  /** Written to the disks a day, by the hours that are remembered. */
  writtenPerDayBytes?: number;
}

/** Bars of slots, oldest first: `0` to `9` for the share of the slot that the board was there, `-` for not known. */
export interface UptimeView {
  /** 48 slots of half an hour. */
  day: string;
  /** 84 slots of two hours. */
  week: string;
  /** Of the known time, 0 to 1; absent: nothing is known. */
  dayShare?: number;
  weekShare?: number;
}

export interface WorkloadView {
  kind: string;
  namespace: string;
  name: string;
  level: Level;
  /** In a few words. */
  state: string;
  /** Key of the workload that made it. */
  owner?: string;
  wanted: number;
  ready: number;
  updated: number;
  scalable: boolean;
  images: string[];
  createdAt: string;
}

export interface PodView {
  namespace: string;
  name: string;
  level: Level;
  node: string;
  /** The word that `kubectl get pods` prints. */
  status: string;
  /** Why it is so, for people; what the scheduler says of a pod that has no board. Empty when there is nothing to say. */
  why: string;
  ready: number;
  containers: string[];
  restarts: number;
  ip: string;
  owner?: string;
  labels: Record<string, string>;
  createdAt: string;
}

export interface ServiceView {
  namespace: string;
  name: string;
  level: Level;
  type: string;
  clusterIP: string;
  external: string[];
  ports: string[];
  selector: Record<string, string>;
  /** Endpoints that take traffic, and all of them. */
  ready: number;
  endpoints: number;
  createdAt: string;
}

export interface EventView {
  namespace: string;
  level: Level;
  reason: string;
  message: string;
  kind: string;
  name: string;
  count: number;
  source: string;
  /** RFC 3339: when it last happened. */
  at: string;
}

/** A board that waits until somebody lets it in. */
export interface RequestView {
  name: string;
  /** Name of the node, as the request says. */
  node: string;
  askedBy: string;
  createdAt: string;
}

export interface Entries {
  verdict: VerdictView;
  board: BoardView;
  trend: TrendView;
  uptime: UptimeView;
  workload: WorkloadView;
  pod: PodView;
  service: ServiceView;
  event: EventView;
  request: RequestView;
}

export type EntryKind = keyof Entries;
export type EntryView = Entries[EntryKind];
