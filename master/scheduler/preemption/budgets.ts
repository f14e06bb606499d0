/**
 * Disruption budgets as preemption reads them: which pods may be driven away, and whose budget that breaks. Pure.
 * Source: Kubernetes, "Pod Priority and Preemption": budgets are respected where they can be.
 */
import type { Labels, Selector } from '../../../shared/machinery/label-selector.ts';
import { selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { PodInfo } from '../pod-info.ts';

export interface Budget {
  readonly key: string;
  readonly namespace: string;
  readonly selector: Selector;
  /** Pods that may go now. */
  readonly disruptionsAllowed: number;
  /** Names of pods whose going is counted already. */
  readonly disruptedPods: ReadonlySet<string>;
}

export function budgetsOf(pod: PodInfo, budgets: readonly Budget[]): Budget[] {
  const { name } = pod.pod.metadata;
  return budgets.filter(
    (budget) =>
      budget.namespace === pod.namespace && !budget.disruptedPods.has(name) && matches(budget.selector, pod.labels),
  );
}

export interface SplitPods {
  /** To drive them all away would break a budget. */
  violating: PodInfo[];
  harmless: PodInfo[];
}

/** In the given order: the first pods use up what the budgets allow. */
export function splitByBudgets(pods: readonly PodInfo[], budgets: readonly Budget[]): SplitPods {
  const split: SplitPods = { violating: [], harmless: [] };
  if (budgets.length === 0) return { violating: [], harmless: [...pods] };
  const left = new Map(budgets.map((budget) => [budget.key, budget.disruptionsAllowed]));
  for (const pod of pods) {
    let isViolating = false;
    for (const { key } of budgetsOf(pod, budgets)) {
      const allowed = (left.get(key) ?? 0) - 1;
      left.set(key, allowed);
      if (allowed < 0) isViolating = true;
    }
    (isViolating ? split.violating : split.harmless).push(pod);
  }
  return split;
}

function matches(selector: Selector, labels: Labels): boolean {
  return selectorMatches(selector, labels);
}
