/**
 * What is out of the ordinary in the cluster, and on how many nodes: a plugin about something that no node has can say so at
 * once, instead of asking each node. Counted by small steps.
 */
import type { NodeInfo } from './node-info.ts';

export interface Traits {
  readonly unschedulable: number;
  /** With taints that keep pods away. */
  readonly tainted: number;
  /** With taints that pods would rather avoid. */
  readonly disliked: number;
  readonly tooHot: number;
  readonly inDistress: number;
  /** With a reading that is not too old. */
  readonly reporting: number;
}

export class TraitCounts implements Traits {
  unschedulable = 0;
  tainted = 0;
  disliked = 0;
  tooHot = 0;
  inDistress = 0;
  reporting = 0;

  /** Call with −1 before a node changes, and with 1 afterwards. */
  count({ isUnschedulable, taints, isTooHot, estimate }: NodeInfo, sign: 1 | -1): void {
    if (isUnschedulable) this.unschedulable += sign;
    if (taints.some(({ effect }) => effect !== 'PreferNoSchedule')) this.tainted += sign;
    if (taints.some(({ effect }) => effect === 'PreferNoSchedule')) this.disliked += sign;
    if (isTooHot) this.tooHot += sign;
    if (estimate?.isInDistress) this.inDistress += sign;
    if (estimate !== undefined) this.reporting += sign;
  }
}
