/**
 * Pods that wait for a node. Active ones come out by priority, then by age. A pod that fitted nowhere rests until something
 * changed that may help it, and never comes back sooner than its back-off says.
 * Invariant: a pod is in exactly one state; each pod is handed out to one decision at a time.
 *
 *     add ──► active ──pop──► deciding ──placed──► (gone when the API says so)
 *               ▲                │
 *               │ back-off over  ├─unschedulable──► resting ──wake──┐
 *               └── backing-off ◄┴─bind failed──────────────────────┘
 */
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { FilterName } from './framework.ts';
import { Heap } from './heap.ts';
import type { PodInfo } from './pod-info.ts';

export interface QueuedPod {
  pod: PodInfo;
  state: 'active' | 'deciding' | 'backing-off' | 'resting' | 'gone';
  /** Decisions and binds that failed so far. */
  failures: number;
  /** Monotonic time before which the pod does not come back. */
  notBeforeMs: number;
  restingSinceMs: number;
  /** Plugins that refused nodes at the last decision: only what they care about can help. */
  refusedBy: ReadonlySet<FilterName>;
  readonly order: number;
  timer: Timer | undefined;
}

export interface SchedulingQueueOptions {
  clock: Clock;
  random: Random;
  /** Called when a pod became active outside of a call of the owner: a back-off is over. */
  onActive(): void;
}

const NOBODY: ReadonlySet<FilterName> = new Set();

const BACKOFF: BackoffPolicy = { initialMs: 250, maxMs: 10_000, factor: 2, jitter: 0 };

/** A resting pod is tried again after this even if nothing seems to have changed: the safety net under the wake-ups. */
export const MAX_REST_MS = 300_000;

export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<QueuedPod>(comesFirst);
  readonly #resting = new Set<QueuedPod>();
  #order = 0;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
  }

  /** Pods that wait in any state. */
  get size(): number {
    return this.#pods.size;
  }

  /** Pods by what they wait for, in Kubernetes' words; those that are decided about are not among them. */
  counts(): { active: number; backoff: number; unschedulable: number } {
    const counts = { active: 0, backoff: 0, unschedulable: this.#resting.size };
    for (const { state } of this.#pods.values()) {
      if (state === 'active') counts.active += 1;
      else if (state === 'backing-off') counts.backoff += 1;
    }
    return counts;
  }

  /** May count pods that are gone meanwhile. */
  get hasActive(): boolean {
    return this.#active.size > 0;
  }

  get hasResting(): boolean {
    return this.#resting.size > 0;
  }

  /** A new pod, or a changed one: a change of its spec is worth another try at once. */
  set(pod: PodInfo): void {
    const known = this.#pods.get(pod.key);
    if (known?.pod.uid === pod.uid) {
      known.pod = pod;
      if (known.state === 'resting') this.#comeBack(known);
      return;
    }
    this.remove(pod.key);
    this.#order += 1;
    const queued: QueuedPod = {
      pod,
      state: 'active',
      failures: 0,
      notBeforeMs: 0,
      restingSinceMs: 0,
      refusedBy: NOBODY,
      order: this.#order,
      timer: undefined,
    };
    this.#pods.set(pod.key, queued);
    this.#active.push(queued);
  }

  get(key: string): QueuedPod | undefined {
    return this.#pods.get(key);
  }

  remove(key: string): void {
    const queued = this.#pods.get(key);
    if (queued === undefined) return;
    queued.timer?.cancel();
    queued.state = 'gone';
    this.#resting.delete(queued);
    this.#pods.delete(key);
  }

  /** The next pod to decide about; it stays known until `remove`. */
  pop(): QueuedPod | undefined {
    for (let queued = this.#active.pop(); queued !== undefined; queued = this.#active.pop()) {
      if (queued.state !== 'active') continue;
      queued.state = 'deciding';
      return queued;
    }
    return undefined;
  }

  /** It fitted nowhere. */
  rest(queued: QueuedPod, refusedBy: ReadonlySet<FilterName> = NOBODY): void {
    if (queued.state === 'gone') return;
    this.#noteFailure(queued);
    queued.refusedBy = refusedBy;
    queued.state = 'resting';
    queued.restingSinceMs = this.#options.clock.monotonicMs();
    this.#resting.add(queued);
  }

  /** It was not decided about: something must become known first. Comes back at once when it does. */
  hold(queued: QueuedPod, heldBy: FilterName): void {
    if (queued.state === 'gone') return;
    queued.refusedBy = new Set([heldBy]);
    queued.state = 'resting';
    queued.restingSinceMs = this.#options.clock.monotonicMs();
    this.#resting.add(queued);
  }

  /** It fitted, and the bind failed: try again after the back-off. */
  retry(queued: QueuedPod): void {
    if (queued.state === 'gone') return;
    this.#noteFailure(queued);
    this.#comeBack(queued);
  }

  /** Resting pods for which `mayFit` come back, as do those that have rested for long. */
  wake(mayFit: (queued: QueuedPod) => boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const queued of [...this.#resting]) {
      if (nowMs - queued.restingSinceMs >= MAX_REST_MS || mayFit(queued)) this.#comeBack(queued);
    }
  }

  /** Cancels all timers; nothing becomes active any more. */
  close(): void {
    for (const key of [...this.#pods.keys()]) this.remove(key);
  }

  #noteFailure(queued: QueuedPod): void {
    const { clock, random } = this.#options;
    queued.notBeforeMs = clock.monotonicMs() + computeBackoffMs(BACKOFF, queued.failures, random);
    queued.failures += 1;
  }

  #comeBack(queued: QueuedPod): void {
    const { clock, onActive } = this.#options;
    this.#resting.delete(queued);
    const delayMs = queued.notBeforeMs - clock.monotonicMs();
    if (delayMs <= 0) {
      this.#activate(queued);
      return;
    }
    queued.state = 'backing-off';
    queued.timer = clock.after(delayMs, () => {
      if (queued.state !== 'backing-off') return;
      this.#activate(queued);
      onActive();
    });
  }

  #activate(queued: QueuedPod): void {
    queued.state = 'active';
    queued.timer = undefined;
    this.#active.push(queued);
  }
}

function comesFirst(a: QueuedPod, b: QueuedPod): boolean {
  if (a.pod.priority !== b.pod.priority) return a.pod.priority > b.pod.priority;
  return a.order < b.order;
}
