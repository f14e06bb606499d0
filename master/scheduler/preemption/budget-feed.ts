/** The cluster's disruption budgets as preemption reads them, kept by list and watch. */
import { type PodDisruptionBudget, PodDisruptionBudgetKind } from '../../../shared/api/pod-disruption-budget.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Informer, keyOf } from '../../../shared/client/informer.ts';
import {
  SELECT_NOTHING,
  type Selector,
  SelectorError,
  selectorFromLabelSelector,
} from '../../../shared/machinery/label-selector.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Budget } from './budgets.ts';

export class BudgetFeed implements Component {
  readonly #informer: Informer<PodDisruptionBudget>;
  readonly #budgets = new Map<string, Budget>();

  constructor(options: { client: Client; clock: Clock; random: Random; logger: Logger }) {
    this.#informer = new Informer<PodDisruptionBudget>({ ...options, kind: PodDisruptionBudgetKind });
    this.#informer.onChange((key, current) => {
      if (current === undefined) this.#budgets.delete(key);
      else this.#budgets.set(key, computeBudget(current));
    });
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  stop(): Promise<void> {
    return this.#informer.stop();
  }

  list(): Budget[] {
    return [...this.#budgets.values()];
  }
}

export function computeBudget(object: PodDisruptionBudget): Budget {
  const { metadata, spec, status } = object;
  return {
    key: keyOf(object),
    namespace: metadata.namespace ?? '',
    selector: readSelector(spec?.selector),
    disruptionsAllowed: status?.disruptionsAllowed ?? 0,
    disruptedPods: new Set(Object.keys(status?.disruptedPods ?? {})),
  };
}

/** Without a selector a budget is about no pod. */
function readSelector(selector: Parameters<typeof selectorFromLabelSelector>[0]): Selector {
  try {
    return selectorFromLabelSelector(selector);
  } catch (error) {
    if (error instanceof SelectorError) return SELECT_NOTHING;
    throw error;
  }
}
