/** NodeUnschedulable: a cordoned node takes only pods that tolerate the taint of cordoned nodes. */
import { TAINT_KEYS, tolerates } from '../../../shared/machinery/taints.ts';
import type { FilterPlugin } from '../framework.ts';

const REASONS = ['node(s) were unschedulable'];
const CORDONED = { key: TAINT_KEYS.unschedulable, effect: 'NoSchedule' } as const;

export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  yieldsToPreemption: false,
  preFilter({ pod }, { traits }) {
    if (traits.unschedulable === 0) return undefined;
    if (pod.spec.tolerations?.some((toleration) => tolerates(toleration, CORDONED))) return undefined;
    return { check: (node) => (node.isUnschedulable ? REASONS : undefined) };
  },
};
