/**
 * Says in a pod's status why it is not placed. Works beside the decisions, a few requests at a time; only the latest
 * message of a pod is written, and only when it differs from what is there.
 */
import type { Pod } from '../../shared/api/pod.ts';
import { PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import { parseKey } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';

interface Wish {
  pod: Pod;
  message: string;
}

const MAX_REQUESTS_IN_FLIGHT = 4;

export class ConditionWriter implements Component {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #wishes = new Map<string, Wish>();
  readonly #controller: Controller;

  constructor(options: { client: Client; clock: Clock; random: Random; logger: Logger }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#controller = new Controller({
      ...options,
      name: 'pod-scheduled-condition',
      reconcile: (key) => this.#write(key),
      concurrency: MAX_REQUESTS_IN_FLIGHT,
    });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  setUnschedulable(key: string, pod: Pod, message: string): void {
    this.#wishes.set(key, { pod, message });
    this.#controller.enqueue(key);
  }

  /** The pod is placed or gone: what was to be said of it is void. */
  drop(key: string): void {
    this.#wishes.delete(key);
  }

  async #write(key: string): Promise<void> {
    const wish = this.#wishes.get(key);
    if (wish === undefined) return;
    const condition = this.#changedCondition(wish);
    try {
      if (condition !== undefined) {
        const body = { metadata: { uid: wish.pod.metadata.uid }, status: { conditions: [condition] } };
        await this.#client.patch(PodKind, parseKey(key), { type: 'strategic', subresource: 'status', body });
      }
    } catch (error) {
      // Gone, or another pod of that name: nothing is left to say.
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
    if (this.#wishes.get(key) === wish) this.#wishes.delete(key);
  }

  #changedCondition({ pod, message }: Wish) {
    const present = pod.status.conditions?.find((condition) => condition.type === 'PodScheduled');
    const isSame = present?.status === 'False' && present.reason === 'Unschedulable';
    if (isSame && present.message === message) return undefined;
    const sinceText = isSame ? present.lastTransitionTime : undefined;
    const lastTransitionTime = sinceText ?? formatTime(this.#clock.nowMs());
    return { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
  }
}
