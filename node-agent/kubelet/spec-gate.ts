/**
 * Refuses pods whose specification cannot be followed here at all. A pod that came in stays in; one of which the runtime has
 * anything, or that the API shows as run, came in before this agent was started.
 */
import type { Pod } from '../../shared/api/pod.ts';
import { isEmpty, type ObservedPod } from './pod/observed-pod.ts';
import { type ContainerGrant, NOTHING_GRANTED, type PodEnding, type PodGate } from './pod/pod-gate.ts';
import { isTerminalPhase } from './pod/pod-view.ts';
import { computeRefusal, type Room } from './pod/spec-refusal.ts';
import type { PodEvents } from './pod-events.ts';
import type { Amounts } from './spec/allocation.ts';

export interface SpecGateOptions {
  events: PodEvents;
  /** All pods that are assigned here. */
  pods(): readonly Pod[];
  /** What the runtime has of a pod. */
  observed(uid: string): ObservedPod;
  allocatable(): Readonly<Record<string, string>>;
  requestsOf(pod: Pod): Amounts;
}

export class SpecGate implements PodGate {
  readonly #options: SpecGateOptions;
  readonly #admitted = new Set<string>();
  readonly #refused = new Map<string, PodEnding>();

  constructor(options: SpecGateOptions) {
    this.#options = options;
  }

  ending(pod: Pod): PodEnding | undefined {
    const { uid, deletionTimestamp } = pod.metadata;
    const known = this.#refused.get(uid);
    if (known !== undefined || deletionTimestamp !== undefined || isTerminalPhase(pod.status.phase)) return known;
    const refusal = this.#isIn(pod) ? undefined : computeRefusal(pod, this.#room(uid));
    if (refusal === undefined) {
      this.#admitted.add(uid);
      return undefined;
    }
    this.#options.events.pod(pod, 'Warning', refusal.reason, refusal.message);
    const ending = { ...refusal, graceSeconds: undefined, isDisruption: false };
    this.#refused.set(uid, ending);
    return ending;
  }

  grant(): ContainerGrant {
    return NOTHING_GRANTED;
  }

  forget(uid: string): void {
    this.#admitted.delete(uid);
    this.#refused.delete(uid);
  }

  #isIn({ metadata, status }: Pod): boolean {
    const hasRun = status.containerStatuses?.some(({ containerID }) => containerID) ?? false;
    return this.#admitted.has(metadata.uid) || hasRun || !isEmpty(this.#options.observed(metadata.uid));
  }

  #room(uid: string): Room {
    const { pods, allocatable, requestsOf } = this.#options;
    const others = pods().filter(
      (other) => other.metadata.uid !== uid && !isTerminalPhase(other.status.phase) && this.#isIn(other),
    );
    return { others, allocatable: allocatable(), requestsOf };
  }
}
