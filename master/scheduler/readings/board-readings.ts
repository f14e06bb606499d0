/**
 * The readings of all boards, and what they say of each node: estimates are made anew once a second, and at once for a board
 * that has said something or got a pod; between them a decision only reads fields.
 */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { PodRequests } from '../../../shared/api/pod-requests.ts';
import {
  compileHeatLimits,
  DEFAULT_HEAT_LIMIT_SETTINGS,
  type HeatLimitSettings,
} from '../../../shared/machinery/heat-limits.ts';
import type { MutableNodeInfo } from '../node-info.ts';
import { type BoardEstimate, BoardHistory, DEFAULT_READING_SETTINGS, type ReadingSettings } from './board-history.ts';
import { computeBoardReading } from './board-reading.ts';

export interface BoardSettings {
  readonly readings: ReadingSettings;
  readonly heatLimits: HeatLimitSettings;
}

const STEP_MS = 1_000;

export class BoardReadings {
  readonly #histories = new Map<string, BoardHistory>();
  /** Boards whose estimates are older than what is known. */
  readonly #stale = new Set<string>();
  #settings = DEFAULT_READING_SETTINGS;
  #limitsOf = compileHeatLimits(DEFAULT_HEAT_LIMIT_SETTINGS);
  /** Start of the second that the estimates are about. */
  #atMs = Number.NaN;

  configure({ readings, heatLimits }: BoardSettings): void {
    this.#settings = readings;
    this.#limitsOf = compileHeatLimits(heatLimits);
    for (const history of this.#histories.values()) history.configure(readings);
    this.#atMs = Number.NaN;
  }

  /** Absent: the board says nothing any more. */
  set(name: string, sensors: NodeSensors | undefined, arrivedMs: number): void {
    this.#stale.add(name);
    if (sensors === undefined) {
      this.#histories.delete(name);
      return;
    }
    const history = this.#histories.get(name) ?? new BoardHistory(this.#settings);
    history.add(computeBoardReading(sensors, arrivedMs));
    this.#histories.set(name, history);
  }

  noteArrival(name: string, requests: PodRequests, nowMs: number): void {
    const { scoringCpuMillis: cpuMillis, scoringMemoryBytes: memoryBytes } = requests;
    this.#histories.get(name)?.noteArrival({ cpuMillis, memoryBytes }, nowMs);
    this.#stale.add(name);
  }

  noteNode(name: string): void {
    this.#stale.add(name);
  }

  /** Nodes whose estimate must be made anew; undefined: all of them. */
  takeStale(nowMs: number): ReadonlySet<string> | undefined {
    const atMs = Math.floor(nowMs / STEP_MS) * STEP_MS;
    const stale = new Set(this.#stale);
    this.#stale.clear();
    if (atMs === this.#atMs) return stale;
    this.#atMs = atMs;
    return undefined;
  }

  refresh(node: MutableNodeInfo): void {
    const estimate = this.#histories.get(node.name)?.estimate(this.#atMs);
    node.setEstimate(estimate, estimate !== undefined && this.#isTooHot(node, estimate));
  }

  #isTooHot({ node, labels }: MutableNodeInfo, { temperatureCelsius, throttleCelsius }: BoardEstimate): boolean {
    if (temperatureCelsius === undefined) return false;
    const { annotations = {} } = node.metadata;
    return temperatureCelsius >= this.#limitsOf({ labels, annotations, throttleCelsius }).hardCelsius;
  }
}
