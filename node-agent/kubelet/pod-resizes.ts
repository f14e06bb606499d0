/**
 * Pods that ask for other amounts than they have: they get them when the node has them, and wait otherwise with what they
 * have. In memory only: what a pod has is shown by the API. Source: Kubernetes, pkg/kubelet/allocation.
 */
import type { Pod } from '../../shared/api/pod.ts';
import { isTerminalPhase } from './pod/pod-view.ts';
import {
  type Allocation,
  type Amounts,
  AS_ASKED,
  asksForResize,
  asShown,
  computePodRequests,
  findLacks,
  plus,
  toAmounts,
} from './spec/allocation.ts';

export interface PodResizesOptions {
  /** All pods that are assigned here. */
  pods(): readonly Pod[];
  allocatable(): Readonly<Record<string, string>>;
}

export class PodResizes {
  readonly #options: PodResizesOptions;
  /** Generation whose wishes a pod was given. */
  readonly #accepted = new Map<string, number>();
  readonly #waiting = new Set<string>();

  constructor(options: PodResizesOptions) {
    this.#options = options;
  }

  /** Pods that wait for others to go. */
  get waiting(): readonly string[] {
    return [...this.#waiting];
  }

  allocation(pod: Pod): Allocation {
    const { uid, generation = 0 } = pod.metadata;
    const pending = this.#accepted.get(uid) === generation || !asksForResize(pod) ? undefined : this.#judge(pod);
    if (pending === undefined) {
      this.#waiting.delete(uid);
      this.#accepted.set(uid, generation);
      return AS_ASKED;
    }
    this.#waiting.add(uid);
    return asShown(pod, pending);
  }

  forget(uid: string): void {
    this.#accepted.delete(uid);
    this.#waiting.delete(uid);
  }

  /** What the pod takes of the node now. */
  requestsOf(pod: Pod): Amounts {
    const isWaiting = this.#waiting.has(pod.metadata.uid);
    const { resourcesOf } = isWaiting ? asShown(pod, { reason: 'Deferred', message: '' }) : AS_ASKED;
    return computePodRequests(pod.spec, resourcesOf);
  }

  #judge(pod: Pod): Allocation['pending'] {
    const capacity = toAmounts(this.#options.allocatable());
    const wanted = computePodRequests(pod.spec, AS_ASKED.resourcesOf);
    const [never] = findLacks(wanted, new Map(), capacity);
    if (never !== undefined) {
      const message = `Node didn't have enough capacity: ${never.name}, ${never.figures}`;
      return { reason: 'Infeasible', message };
    }
    const [now] = findLacks(wanted, this.#usedByOthers(pod), capacity);
    if (now === undefined) return undefined;
    return { reason: 'Deferred', message: `Node didn't have enough resource: ${now.name}, ${now.figures}` };
  }

  #usedByOthers({ metadata }: Pod): Amounts {
    const others = this.#options.pods().filter((other) => other.metadata.uid !== metadata.uid);
    const alive = others.filter(({ status }) => !isTerminalPhase(status.phase));
    return alive.map((other) => this.requestsOf(other)).reduce(plus, new Map());
  }
}
