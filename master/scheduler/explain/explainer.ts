/**
 * Answers why a pod is where it is: from the log while the decision is remembered, else by deciding once more, on paper. A
 * pod that is placed is thought away from its node for it.
 */
import type { Placement } from '../../../shared/api/placement.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Cache } from '../cache.ts';
import { computeDecision, type Decision } from '../decision.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Profile } from '../profile.ts';
import type { QueuedPod, SchedulingQueue } from '../queue.ts';
import type { DecisionLog } from './decision-log.ts';
import { renderPlacement } from './render-placement.ts';

export interface ExplainerOptions {
  clock: Clock;
  cache: Cache;
  queue: SchedulingQueue;
  log: DecisionLog;
  profile(): Profile;
}

/** Ties on paper: the first of the best, so that asking draws nothing from the scheduler's own randomness. */
const FIRST: Random = { nextUint32: () => 0 };

export class Explainer {
  readonly #options: ExplainerOptions;

  constructor(options: ExplainerOptions) {
    this.#options = options;
  }

  /** Undefined: the scheduler does not know the pod. */
  explain(key: string): Placement | undefined {
    const { queue, cache } = this.#options;
    const queued = queue.get(key);
    const placed = cache.placed(key);
    if (placed !== undefined) return this.#explain(placed.pod, { outcome: 'Placed', nodeName: placed.nodeName });
    return queued && this.#explain(queued.pod, this.#describeWaiting(queued));
  }

  #describeWaiting({ pod, state, failures }: QueuedPod): Pick<Placement, 'outcome' | 'nominatedNodeName'> {
    const nominatedNodeName = this.#options.cache.nominatedNode(pod.key);
    const isResting = state === 'resting' || failures > 0;
    return {
      outcome: isResting ? 'Unschedulable' : 'Waiting',
      ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    };
  }

  #explain(pod: PodInfo, known: Partial<Placement> & Pick<Placement, 'outcome'>): Placement {
    const { log, cache } = this.#options;
    const logged = log.get(pod.key, pod.uid);
    const decision = logged?.decision ?? this.#decideOnPaper(pod);
    const { name, namespace = '' } = pod.pod.metadata;
    return {
      apiVersion: 'bramble.dev/v1',
      kind: 'Placement',
      metadata: { name, namespace, ...(logged ? { creationTimestamp: formatTime(logged.decidedMs) } : {}) },
      ...known,
      source: logged === undefined ? 'Computed' : 'Recorded',
      ...renderPlacement(decision, cache.nodes.length),
    };
  }

  #decideOnPaper(pod: PodInfo): Decision {
    const { cache, clock, profile } = this.#options;
    return cache.withoutPod(pod.key, () => {
      const snapshot = cache.snapshot(clock.monotonicMs());
      const looksAtAll = { enough: snapshot.nodes.length };
      return computeDecision({ pod, snapshot, random: FIRST, profile: profile(), ...looksAtAll });
    });
  }
}
