/**
 * What heat protection remembers: the readings of the boards, how hot each counts, and what was moved lately. In memory only;
 * a new master learns the levels from the nodes' conditions, and keeps them until the boards have had time to speak.
 */
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { parseAmounts } from '../../../shared/api/pod-requests.ts';
import { compileHeatLimits, type HeatLimits } from '../../../shared/machinery/heat-limits.ts';
import { type BoardHeat, computeBoardHeat, newBoardHeat } from './board-heat.ts';
import { type BoardReading, readingAt, type StoredReading, storeReading } from './board-reading.ts';
import type { WorkloadRest } from './heat-state.ts';
import type { HeatSettings } from './settings.ts';
import { levelFromNode } from './words.ts';

export interface BoardView {
  readonly heat: BoardHeat;
  readonly limits: HeatLimits;
  readonly reading: BoardReading;
}

export class HeatLedger {
  readonly #startedMs: number;
  readonly #readings = new Map<string, StoredReading>();
  readonly #heats = new Map<string, BoardHeat>();
  readonly #resting = new Map<string, WorkloadRest>();
  readonly #refused = new Map<string, number>();
  /** Board → since when it had been hot when people were told that nothing can be done. */
  readonly #stuck = new Map<string, number>();
  #settings: HeatSettings;
  #limitsOf: ReturnType<typeof compileHeatLimits>;
  #lastMoveMs: number | undefined;

  constructor(settings: HeatSettings, startedMs: number) {
    this.#settings = settings;
    this.#limitsOf = compileHeatLimits(settings.limits);
    this.#startedMs = startedMs;
  }

  get settings(): HeatSettings {
    return this.#settings;
  }

  get lastMoveMs(): number | undefined {
    return this.#lastMoveMs;
  }

  configure(settings: HeatSettings): void {
    this.#settings = settings;
    this.#limitsOf = compileHeatLimits(settings.limits);
  }

  /** Undefined: the board says nothing any more. */
  noteReading(name: string, sensors: NodeSensors | undefined, nowMs: number): void {
    if (sensors === undefined) this.#readings.delete(name);
    else this.#readings.set(name, storeReading(this.#readings.get(name), sensors, nowMs));
  }

  forget(name: string): void {
    this.#readings.delete(name);
    this.#heats.delete(name);
    this.#stuck.delete(name);
  }

  /** Takes in what time and readings have done to the board. */
  update(node: Node, nowMs: number): BoardView {
    const view = this.peek(node, nowMs);
    this.#heats.set(node.metadata.name, view.heat);
    return view;
  }

  /** The same, and remembers nothing. */
  peek(node: Node, nowMs: number): BoardView {
    const { name, labels = {}, annotations = {} } = node.metadata;
    const settings = this.#settings;
    const before = this.#heats.get(name) ?? newBoardHeat(levelFromNode(node), nowMs, settings);
    const reading = readingAt(this.#readings.get(name), { nowMs, startedMs: this.#startedMs });
    const limits = this.#limitsOf({ labels, annotations, throttleCelsius: reading.throttleCelsius });
    if (!settings.enabled) return { heat: newBoardHeat('cool', nowMs, settings), limits, reading };
    // Silence that does not last says nothing: the level stays.
    if (reading.isAwaited) return { heat: before, limits, reading };
    const now = { celsius: reading.celsius, limits, idleShare: idleShareOf(node, reading) };
    return { heat: computeBoardHeat(before, now, { nowMs, settings }), limits, reading };
  }

  level(name: string): BoardHeat['level'] | undefined {
    return this.#heats.get(name)?.level;
  }

  resting(nowMs: number): ReadonlyMap<string, WorkloadRest> {
    for (const [uid, { untilMs }] of this.#resting) if (untilMs <= nowMs) this.#resting.delete(uid);
    return this.#resting;
  }

  refusedUntilMs(nowMs: number): ReadonlyMap<string, number> {
    for (const [uid, untilMs] of this.#refused) if (untilMs <= nowMs) this.#refused.delete(uid);
    return this.#refused;
  }

  /** false: it was said already since the board got hot. */
  noteStuck(board: string): boolean {
    const sinceMs = this.#heats.get(board)?.sinceMs;
    if (sinceMs === undefined || this.#stuck.get(board) === sinceMs) return false;
    this.#stuck.set(board, sinceMs);
    return true;
  }

  noteRefusal(podUid: string, untilMs: number): void {
    this.#refused.set(podUid, untilMs);
  }

  /** `rest.older` of a workload that rests already stays as it is: a replacement is a replacement however many follow. */
  noteMove(board: string, controllerUid: string, rest: WorkloadRest): void {
    const { movedMs } = rest;
    const heat = this.#heats.get(board);
    if (heat !== undefined) this.#heats.set(board, { ...heat, movedMs });
    const before = this.#resting.get(controllerUid);
    const older = before !== undefined && before.untilMs > movedMs ? before.older : rest.older;
    this.#resting.set(controllerUid, { ...rest, older });
    this.#lastMoveMs = movedMs;
  }
}

/** Asked with every reading of every board; a Node that an informer shows never changes. */
const cpuOfNodes = new WeakMap<Node, number>();

/** CPU of the whole board, in thousandths. */
export function cpuMillisOf(node: Node): number {
  const known = cpuOfNodes.get(node);
  if (known !== undefined) return known;
  const { cpuMillis } = parseAmounts(node.status.capacity ?? node.status.allocatable);
  cpuOfNodes.set(node, cpuMillis);
  return cpuMillis;
}

function idleShareOf(node: Node, { cpuMillis }: BoardReading): number | undefined {
  const total = cpuMillisOf(node);
  return cpuMillis === undefined || total === 0 ? undefined : Math.max(0, 1 - cpuMillis / total);
}
