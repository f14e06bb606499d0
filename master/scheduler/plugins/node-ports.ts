/** NodePorts: one port of a node leads to one pod. */
import type { FilterPlugin } from '../framework.ts';
import { portsClash } from '../pod-info.ts';

const REASONS = ["node(s) didn't have free ports for the requested pod ports"];

export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  yieldsToPreemption: true,
  preFilter({ hostPorts }) {
    if (hostPorts.length === 0) return undefined;
    return {
      check: (node) =>
        node.usedPorts.some((used) => hostPorts.some((wanted) => portsClash(used, wanted))) ? REASONS : undefined,
    };
  },
};
