/**
 * Carries preemption out: the room is kept for the pod at once, the API is asked beside the decisions. Victims end with their
 * grace; the pod waits until they are gone and is woken by that.
 */
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { parseKey } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Cache } from '../cache.ts';
import type { Impossibility } from '../decision.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Profile } from '../profile.ts';
import { type Budget, budgetsOf } from './budgets.ts';
import type { Preemption } from './ranking.ts';
import { computePreemption, mayPreempt } from './victims.ts';

export interface PreemptorOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  cache: Cache;
  events: EventRecorder;
  budgets(): readonly Budget[];
}

/** Preemptions whose requests are under way at the same time; further pods wait for their next decision. */
const MAX_IN_FLIGHT = 16;

export class Preemptor {
  readonly #options: PreemptorOptions;
  readonly #inFlight = new Set<Promise<void>>();
  /** Budget → what it had when victims were last taken from it, and how many: its status shows them a little later. */
  readonly #spent = new Map<string, { allowed: number; taken: number }>();

  constructor(options: PreemptorOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** PostFilter. Returns what is being done so that the pod fits soon; undefined: nothing. */
  preempt(pod: PodInfo, { refusals }: Impossibility, profile: Profile): Preemption | undefined {
    const { cache, clock } = this.#options;
    if (!profile.isPreemptive || !mayPreempt(pod) || this.#inFlight.size >= MAX_IN_FLIGHT) return undefined;
    if (this.#isRoomComing(pod)) return undefined;
    const snapshot = cache.snapshot(clock.monotonicMs());
    const budgets = this.#budgetsLeft();
    const preemption = computePreemption({ pod, snapshot, profile, refusals, budgets });
    if (preemption !== undefined) this.#carryOut(pod, preemption, budgets);
    else this.#giveUp(pod);
    return preemption;
  }

  /** Pods that it drove away before are still leaving. */
  #isRoomComing(pod: PodInfo): boolean {
    const { cache } = this.#options;
    const nominated = cache.node(cache.nominatedNode(pod.key) ?? '');
    return [...(nominated?.pods.values() ?? [])].some((other) => other.isLeaving && other.priority < pod.priority);
  }

  #carryOut(pod: PodInfo, preemption: Preemption, budgets: readonly Budget[]): void {
    const { cache } = this.#options;
    this.#withdrawLower(pod, preemption.node);
    cache.nominate(pod, preemption.node);
    for (const victim of preemption.victims) {
      for (const { key, disruptionsAllowed } of budgetsOf(victim, budgets)) this.#noteSpent(key, disruptionsAllowed);
    }
    this.#begin(pod, () => this.#tellNomination(pod, preemption.node));
    for (const victim of preemption.victims) this.#begin(pod, () => this.#driveAway(victim, pod, preemption.node));
  }

  /** Those that room was being made for there, and that are less important, look for another place. */
  #withdrawLower(pod: PodInfo, nodeName: string): void {
    const { cache } = this.#options;
    for (const other of [...(cache.node(nodeName)?.nominated?.values() ?? [])]) {
      if (other.priority < pod.priority) this.#giveUp(other);
    }
  }

  #giveUp(pod: PodInfo): void {
    const { cache } = this.#options;
    if (cache.nominatedNode(pod.key) === undefined) return;
    cache.nominate(pod, undefined);
    this.#begin(pod, () => this.#tellNomination(pod, null));
  }

  #begin(pod: PodInfo, work: () => Promise<void>): void {
    const { logger } = this.#options;
    const running = work()
      .catch((error: unknown) => logger.warn('preemption failed', { pod: pod.key, error }))
      .finally(() => this.#inFlight.delete(running));
    this.#inFlight.add(running);
  }

  async #tellNomination({ pod }: PodInfo, nominatedNodeName: string | null): Promise<void> {
    const { uid } = pod.metadata;
    await this.#patchStatus(pod, { metadata: { uid }, status: { nominatedNodeName } });
  }

  async #driveAway(victim: PodInfo, by: PodInfo, nodeName: string): Promise<void> {
    const { client, clock, events } = this.#options;
    const { uid } = victim;
    const why = `${by.pod.spec.schedulerName ?? ''}: preempting to accommodate a higher priority pod`;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: why,
      lastTransitionTime: formatTime(clock.nowMs()),
    };
    await this.#patchStatus(victim.pod, { metadata: { uid }, status: { conditions: [condition] } });
    await orGone(client.delete(PodKind, parseKey(victim.key), { preconditions: { uid } }));
    const message = `Preempted by pod ${by.uid} on node ${nodeName}`;
    events.event(subjectOf(PodKind, victim.pod), 'Normal', 'Preempted', message);
  }

  async #patchStatus(pod: Pod, body: PatchBody): Promise<void> {
    const { namespace, name } = pod.metadata;
    const key = { ...(namespace === undefined ? {} : { namespace }), name };
    await orGone(this.#options.client.patch(PodKind, key, { type: 'strategic', subresource: 'status', body }));
  }

  /** What the budgets allow, less what was taken from them and their status does not show yet. */
  #budgetsLeft(): Budget[] {
    return this.#options.budgets().map((budget) => {
      const spent = this.#spent.get(budget.key);
      if (spent === undefined) return budget;
      if (spent.allowed === budget.disruptionsAllowed) {
        return { ...budget, disruptionsAllowed: budget.disruptionsAllowed - spent.taken };
      }
      this.#spent.delete(budget.key);
      return budget;
    });
  }

  #noteSpent(key: string, left: number): void {
    const spent = this.#spent.get(key) ?? { allowed: left, taken: 0 };
    this.#spent.set(key, { ...spent, taken: spent.taken + 1 });
  }
}

type PatchBody = Parameters<Client['patch']>[2]['body'];

/** Gone, or another pod of that name: nothing is left to do. */
async function orGone(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}
