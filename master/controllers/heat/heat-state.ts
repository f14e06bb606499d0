/** What a plan of heat protection is made from. Times are monotonic unless they say otherwise. */
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { HeatLimits } from '../../../shared/machinery/heat-limits.ts';
import type { BoardHeat } from './board-heat.ts';
import type { HeatSettings } from './settings.ts';

export interface BoardState {
  readonly node: Node;
  /** As of now. */
  readonly heat: BoardHeat;
  readonly limits: HeatLimits;
  /** Undefined: no sensor, or no reading lately. */
  readonly celsius: number | undefined;
  readonly trendCelsiusPerMinute: number;
  /** Pods that are bound to it. */
  readonly pods: readonly Pod[];
  /** CPU of the whole board, in thousandths. */
  readonly cpuMillis: number;
  /** uid of a pod → what it uses; undefined: nobody measures there. */
  readonly usage: ReadonlyMap<string, number> | undefined;
}

/** A workload that a pod was moved from. */
export interface WorkloadRest {
  readonly movedMs: number;
  readonly untilMs: number;
  /** uids of its pods at that time: those that came later are replacements. */
  readonly older: ReadonlySet<string>;
  /** Its pods that had a node and were to stay, before the move. */
  readonly boundBefore: number;
  /** What the moved pod used: its replacement will use the same. */
  readonly cpuMillis: number;
  /** Given up and not moved: its pods wait until boards are cooler. */
  readonly isShed: boolean;
}

export interface HeatState {
  readonly nowMs: number;
  /** By the wall clock, which pods' times are told by. */
  readonly wallMs: number;
  readonly settings: HeatSettings;
  readonly boards: readonly BoardState[];
  /** By uid of the controller. */
  readonly resting: ReadonlyMap<string, WorkloadRest>;
  /** uid of a pod whose budget forbade to move it → when to ask again. */
  readonly refusedUntilMs: ReadonlyMap<string, number>;
  readonly lastMoveMs: number | undefined;
  /** Pods of a controller that have a node and are to stay. */
  boundOf(controllerUid: string): number;
  /** Whether the pod's volumes can be reached from the node. */
  reachesVolumes(pod: Pod, node: Node): boolean;
}
