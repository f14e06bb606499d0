/**
 * The thin effects around the decisions: turns of a bounded number of decisions run between other work of the process, and
 * binds are under way while the next decisions are made.
 * Invariant: a pod is assumed on its node before anything else is decided, and forgotten when its bind fails.
 */
import type { Placement } from '../../shared/api/placement.ts';
import { PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { createEventRecorder, type EventRecorder, subjectOf } from '../../shared/client/event-recorder.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { Binder } from './binder.ts';
import { Cache } from './cache.ts';
import { type ClusterEvent, MAX_EVENTS } from './cluster-events.ts';
import { ClusterFeed } from './cluster-feed.ts';
import { ConditionWriter } from './condition-writer.ts';
import { computeDecision, type Decision, type Impossibility } from './decision.ts';
import { DecisionLog } from './explain/decision-log.ts';
import { Explainer } from './explain/explainer.ts';
import { renderImpossibility } from './explanation.ts';
import type { FilterName } from './framework.ts';
import { ImageWait } from './images/image-wait.ts';
import { DEFAULT_SCHEDULER_NAME } from './pod-info.ts';
import { BudgetFeed } from './preemption/budget-feed.ts';
import { Preemptor } from './preemption/preemptor.ts';
import { DEFAULT_PROFILE, type Profile } from './profile.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { VolumeBinder } from './volumes/volume-binder.ts';
import { createWakeUpTest } from './wake-up.ts';

export interface SchedulerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  profile?: Profile;
  /** How long a pod waits for what the registry says of its images; 0 unless given: nobody asks registries. */
  imagePatienceMs?: number;
  /** Hears how long each decision took, and its result in Kubernetes' words. */
  onDecision?(durationMs: number, result: 'scheduled' | 'unschedulable'): void;
}

/** Decisions made before other work of the process gets its turn. */
const MAX_DECISIONS_A_TURN = 32;

/** How often pods that have rested too long are looked for, while any rests. */
const REST_CHECK_MS = 60_000;

export class Scheduler implements Component {
  readonly #options: SchedulerOptions;
  readonly #cache = new Cache();
  readonly #queue: SchedulingQueue;
  readonly #feed: ClusterFeed;
  readonly #budgets: BudgetFeed;
  readonly #conditions: ConditionWriter;
  readonly #events: EventRecorder;
  readonly #binder: Binder;
  readonly #preemptor: Preemptor;
  readonly #imageWait: ImageWait;
  readonly #log = new DecisionLog();
  readonly #explainer: Explainer;
  #profile: Profile;
  /** What happened since the last turn that may help resting pods. */
  #happened: ClusterEvent[] = [];
  #nextStart = 0;
  #isDeciding = false;
  #turnTimer: Timer | undefined;
  #restTimer: Timer | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { client, clock, random, logger } = options;
    const environment = { client, clock, random, logger };
    const onWork = () => this.#requestTurn();
    const cache = this.#cache;
    this.#profile = options.profile ?? DEFAULT_PROFILE;
    this.#queue = new SchedulingQueue({ clock, random, onActive: onWork });
    this.#conditions = new ConditionWriter(environment);
    const events = createEventRecorder({ ...environment, component: DEFAULT_SCHEDULER_NAME });
    this.#events = events;
    this.#budgets = new BudgetFeed(environment);
    this.#preemptor = new Preemptor({ client, clock, logger, cache, events, budgets: () => this.#budgets.list() });
    const volumes = new VolumeBinder({ client, clock, volumes: cache.volumes });
    this.#binder = new Binder({
      ...{ client, logger, cache, events, volumes },
      onDone: () => {
        if (this.#queue.hasActive) this.#requestTurn();
      },
      onFailed: (pod, nodeName) => this.#onBindFailed(pod.key, nodeName),
    });
    this.#imageWait = new ImageWait({
      ...{ clock, images: cache.images, patienceMs: options.imagePatienceMs ?? 0 },
      onOver: (image) => this.#note({ type: 'image-changed', image }),
    });
    this.#feed = new ClusterFeed({
      ...{ ...environment, onWork, cache },
      queue: this.#queue,
      onEvent: (event) => this.#note(event),
      onSettled: (key) => {
        this.#conditions.drop(key);
        this.#imageWait.forget(key);
      },
    });
    const profile = (): Profile => this.#profile;
    this.#explainer = new Explainer({ clock, cache, queue: this.#queue, log: this.#log, profile });
    this.setProfile(this.#profile);
  }

  /** Takes effect with the next decision; pods that fitted nowhere are tried again. */
  setProfile(profile: Profile): void {
    this.#profile = profile;
    this.#cache.configure(profile.boards);
    this.#queue.wake(() => true);
    this.#requestTurn();
  }

  /** Why the pod `namespace/name` is where it is; undefined: the scheduler does not know it. */
  explain(key: string): Placement | undefined {
    return this.#explainer.explain(key);
  }

  /** For metrics. */
  pendingPods(): ReturnType<SchedulingQueue['counts']> {
    return this.#queue.counts();
  }

  /** Resolves at once; decisions begin when nodes and pods are known. */
  async start(): Promise<void> {
    await this.#conditions.start();
    await this.#budgets.start();
    await this.#feed.start();
    this.#isDeciding = true;
    void this.#feed.whenSynced().then(() => this.#requestTurn());
  }

  async stop(): Promise<void> {
    this.#isDeciding = false;
    this.#turnTimer?.cancel();
    this.#restTimer?.cancel();
    this.#queue.close();
    this.#imageWait.stop();
    await this.#binder.stop();
    await this.#preemptor.stop();
    await this.#feed.stop();
    await this.#budgets.stop();
    await this.#conditions.stop();
    await this.#events.stop();
  }

  #note(event: ClusterEvent): void {
    if (!this.#queue.hasResting) return;
    if (this.#happened.length < MAX_EVENTS) this.#happened.push(event);
    this.#requestTurn();
  }

  #requestTurn(): void {
    if (!this.#isDeciding || !this.#feed.hasSynced || this.#turnTimer !== undefined) return;
    this.#turnTimer = this.#options.clock.after(0, () => this.#turn());
  }

  #turn(): void {
    this.#turnTimer = undefined;
    this.#wakeResting();
    for (let decisions = 0; decisions < MAX_DECISIONS_A_TURN && this.#binder.hasRoom; decisions += 1) {
      const queued = this.#queue.pop();
      if (queued === undefined) return;
      this.#decide(queued);
    }
    if (this.#binder.hasRoom) this.#requestTurn();
  }

  #wakeResting(): void {
    const events = this.#happened;
    this.#happened = [];
    if (!this.#queue.hasResting) return;
    const snapshot = this.#cache.snapshot(this.#options.clock.monotonicMs());
    this.#queue.wake(createWakeUpTest({ events, snapshot, profile: this.#profile }));
  }

  #decide(queued: QueuedPod): void {
    const { pod } = queued;
    if (this.#minds('ImagePlatform') && this.#imageWait.mustWait(pod)) {
      this.#queue.hold(queued, 'ImagePlatform');
      return;
    }
    const startMs = this.#options.clock.monotonicMs();
    const decision = this.#compute(queued, startMs);
    const result = decision.type === 'unschedulable' ? 'unschedulable' : 'scheduled';
    this.#options.onDecision?.(this.#options.clock.monotonicMs() - startMs, result);
    this.#log.add(pod.key, { uid: pod.uid, decision, decidedMs: this.#options.clock.nowMs() });
    if (decision.type === 'unschedulable') {
      this.#rest(queued, decision);
      return;
    }
    this.#nextStart = decision.nextStart;
    this.#cache.nominate(pod, undefined);
    this.#cache.assume(pod, decision.node, startMs);
    this.#note({ type: 'pod-placed', pod, nodeName: decision.node });
    this.#binder.start(pod, decision.node);
  }

  #minds(filter: FilterName): boolean {
    return this.#profile.filters.some(({ name }) => name === filter);
  }

  #compute({ pod }: QueuedPod, nowMs: number): Decision {
    return computeDecision({
      pod,
      snapshot: this.#cache.snapshot(nowMs),
      random: this.#options.random,
      start: this.#nextStart,
      profile: this.#profile,
      nominatedNode: this.#cache.nominatedNode(pod.key),
    });
  }

  #rest(queued: QueuedPod, decision: Impossibility): void {
    const { pod } = queued;
    this.#queue.rest(queued, refusers(decision));
    const message = renderImpossibility(decision);
    this.#conditions.setUnschedulable(pod.key, pod.pod, message);
    this.#events.event(subjectOf(PodKind, pod.pod), 'Warning', 'FailedScheduling', message);
    if (decision.never === undefined) this.#preemptor.preempt(pod, decision, this.#profile);
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

  #onBindFailed(key: string, nodeName: string): void {
    const queued = this.#queue.get(key);
    const placed = this.#cache.placed(key);
    if (placed !== undefined) this.#cache.forget(placed.pod);
    this.#note({ type: 'node-changed', nodeName });
    if (queued !== undefined) this.#queue.retry(queued);
  }
}

function refusers({ refusals, never }: Impossibility): Set<FilterName> {
  const names = new Set(refusals.map(({ plugin }) => plugin));
  return never === undefined ? names : names.add(never.plugin);
}
