/**
 * TaintToleration: taints with NoSchedule or NoExecute keep pods away unless tolerated, those with PreferNoSchedule make a
 * node less wanted. A node that is not ready or out of reach carries such taints, so readiness needs no filter of its own.
 */
import type { Taint } from '../../../shared/api/node-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { findUntoleratedTaint, type TaintEffect, tolerates } from '../../../shared/machinery/taints.ts';
import { type FilterPlugin, normalizeReversed, type ScorePlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

const HARD: readonly TaintEffect[] = ['NoSchedule', 'NoExecute'];

/** The first taint that keeps the pod away from the node. */
export function hardTaintAgainst(pod: Pod, { taints }: Pick<NodeInfo, 'taints'>): Taint | undefined {
  return findUntoleratedTaint(taints, pod.spec.tolerations ?? [], HARD);
}

export const taintTolerationFilter: FilterPlugin = {
  name: 'TaintToleration',
  yieldsToPreemption: false,
  preFilter({ pod }, { traits }) {
    if (traits.tainted === 0) return undefined;
    return {
      check(node) {
        if (node.taints.length === 0) return undefined;
        const taint = hardTaintAgainst(pod, node);
        return taint && [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`];
      },
    };
  },
};

export const taintTolerationScore: ScorePlugin = {
  name: 'TaintToleration',
  preScore({ pod }, { traits }) {
    if (traits.disliked === 0) return undefined;
    const tolerations = pod.spec.tolerations ?? [];
    const isDisliked = (taint: Taint): boolean =>
      taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint));
    return ({ taints }) => (taints.length === 0 ? 0 : taints.filter(isDisliked).length);
  },
  normalizeScore: normalizeReversed,
};
