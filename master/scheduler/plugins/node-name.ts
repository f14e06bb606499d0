/** NodeName: a pod that already names its node goes nowhere else. */
import type { FilterPlugin } from '../framework.ts';

const REASONS = ["node(s) didn't match the requested node name"];

export const nodeName: FilterPlugin = {
  name: 'NodeName',
  yieldsToPreemption: false,
  preFilter({ pod }) {
    const wanted = pod.spec.nodeName;
    if (!wanted) return undefined;
    return { check: (node) => (node.name === wanted ? undefined : REASONS), only: new Set([wanted]) };
  },
};
