/**
 * The thin effects around the decisions: turns of a bounded number of decisions run between other work of the process, and
 * binds are under way while the next decisions are made.
 * Invariant: a pod is assumed on its node before anything else is decided, and forgotten when its bind fails.
 */
import { PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../shared/client/event-recorder.ts';
import { parseKey } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { Cache } from './cache.ts';
import { ClusterFeed } from './cluster-feed.ts';
import { ConditionWriter } from './condition-writer.ts';
import { computeDecision } from './decision.ts';
import { renderImpossibility } from './explanation.ts';
import { DEFAULT_SCHEDULER_NAME, type PodInfo } from './pod-info.ts';
import { DEFAULT_PROFILE, type Profile } from './profile.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { createWakeUpTest } from './wake-up.ts';

export interface SchedulerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  profile?: Profile;
  /** Hears how long each decision took. */
  onDecision?(durationMs: number): void;
}

/** Decisions made before other work of the process gets its turn. */
const MAX_DECISIONS_A_TURN = 32;

/** Binds under way at the same time; they share the store's commits. */
const MAX_BINDS_IN_FLIGHT = 256;

/** How often pods that have rested too long are looked for, while any rests. */
const REST_CHECK_MS = 60_000;

export class Scheduler implements Component {
  readonly #options: SchedulerOptions;
  readonly #profile: Profile;
  readonly #cache = new Cache();
  readonly #queue: SchedulingQueue;
  readonly #feed: ClusterFeed;
  readonly #conditions: ConditionWriter;
  readonly #events: EventRecorder;
  /** Nodes that may take more since the last turn. */
  readonly #changedNodes = new Set<string>();
  readonly #binds = new Set<Promise<void>>();
  #nextStart = 0;
  #isDeciding = false;
  #turnTimer: Timer | undefined;
  #restTimer: Timer | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#profile = options.profile ?? DEFAULT_PROFILE;
    const { client, clock, random, logger } = options;
    const onWork = () => this.#requestTurn();
    this.#queue = new SchedulingQueue({ clock, random, onActive: onWork });
    this.#conditions = new ConditionWriter({ client, clock, random, logger });
    this.#events = createEventRecorder({ client, clock, random, logger, component: DEFAULT_SCHEDULER_NAME });
    this.#feed = new ClusterFeed({
      ...{ client, clock, random, logger, onWork },
      cache: this.#cache,
      queue: this.#queue,
      onRoom: (nodeName) => this.#noteRoom(nodeName),
      onSettled: (key) => this.#conditions.drop(key),
    });
  }

  /** Resolves at once; decisions begin when nodes and pods are known. */
  async start(): Promise<void> {
    await this.#conditions.start();
    await this.#feed.start();
    this.#isDeciding = true;
    void this.#feed.whenSynced().then(() => this.#requestTurn());
  }

  async stop(): Promise<void> {
    this.#isDeciding = false;
    this.#turnTimer?.cancel();
    this.#restTimer?.cancel();
    this.#queue.close();
    await Promise.all(this.#binds);
    await this.#feed.stop();
    await this.#conditions.stop();
    await this.#events.stop();
  }

  #noteRoom(nodeName: string): void {
    if (!this.#queue.hasResting) return;
    this.#changedNodes.add(nodeName);
    this.#requestTurn();
  }

  #requestTurn(): void {
    if (!this.#isDeciding || !this.#feed.hasSynced || this.#turnTimer !== undefined) return;
    this.#turnTimer = this.#options.clock.after(0, () => this.#turn());
  }

  #turn(): void {
    this.#turnTimer = undefined;
    this.#wakeResting();
    for (let decisions = 0; decisions < MAX_DECISIONS_A_TURN && this.#hasRoomForBinds(); decisions += 1) {
      const queued = this.#queue.pop();
      if (queued === undefined) return;
      this.#decide(queued);
    }
    if (this.#hasRoomForBinds()) this.#requestTurn();
  }

  #hasRoomForBinds(): boolean {
    return this.#binds.size < MAX_BINDS_IN_FLIGHT;
  }

  #wakeResting(): void {
    const changed = [...this.#changedNodes].flatMap((name) => this.#cache.node(name) ?? []);
    this.#changedNodes.clear();
    if (this.#queue.hasResting) this.#queue.wake(createWakeUpTest(changed, this.#profile));
  }

  #decide(queued: QueuedPod): void {
    const { clock, random } = this.#options;
    const { pod } = queued;
    const snapshot = { nodes: this.#cache.nodes, nowMs: clock.monotonicMs() };
    const decision = computeDecision({ pod, snapshot, random, start: this.#nextStart, profile: this.#profile });
    this.#options.onDecision?.(clock.monotonicMs() - snapshot.nowMs);
    if (decision.type === 'unschedulable') {
      this.#rest(queued, renderImpossibility(decision));
      return;
    }
    this.#nextStart = decision.nextStart;
    this.#cache.assume(pod, decision.node);
    const bind = this.#bind(queued, decision.node).finally(() => {
      this.#binds.delete(bind);
      if (this.#queue.hasActive) this.#requestTurn();
    });
    this.#binds.add(bind);
  }

  #rest(queued: QueuedPod, message: string): void {
    const { pod } = queued.pod;
    this.#queue.rest(queued);
    this.#conditions.setUnschedulable(queued.pod.key, pod, message);
    this.#events.event(subjectOf(PodKind, pod), 'Warning', 'FailedScheduling', message);
    this.#armRestTimer();
  }

  #armRestTimer(): void {
    if (!this.#queue.hasResting) return;
    this.#restTimer ??= this.#options.clock.after(REST_CHECK_MS, () => {
      this.#restTimer = undefined;
      this.#requestTurn();
      this.#armRestTimer();
    });
  }

  /** Never rejects. */
  async #bind(queued: QueuedPod, nodeName: string): Promise<void> {
    const { pod } = queued;
    try {
      await this.#options.client.post(PodKind, parseKey(pod.key), 'binding', renderBinding(pod, nodeName));
      const message = `Successfully assigned ${pod.key} to ${nodeName}`;
      this.#events.event(subjectOf(PodKind, pod.pod), 'Normal', 'Scheduled', message);
    } catch (error) {
      this.#onBindFailed(queued, nodeName, error);
    }
  }

  #onBindFailed(queued: QueuedPod, nodeName: string, error: unknown): void {
    const { pod } = queued;
    this.#cache.forget(pod);
    this.#noteRoom(nodeName);
    this.#queue.retry(queued);
    // A pod that is gone or that somebody else placed: the informer will say so.
    const isOvertaken = isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict');
    this.#options.logger[isOvertaken ? 'debug' : 'warn']('bind failed', { pod: pod.key, node: nodeName, error });
    if (isOvertaken) return;
    const message = `binding to ${nodeName} failed: ${error instanceof Error ? error.message : String(error)}`;
    this.#events.event(subjectOf(PodKind, pod.pod), 'Warning', 'FailedScheduling', message);
  }
}

function renderBinding(pod: PodInfo, nodeName: string) {
  const { name, namespace, uid } = pod.pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  };
}
