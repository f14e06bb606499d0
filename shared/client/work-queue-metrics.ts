/** What work queues count, under Kubernetes' names. One of these a process; queues come and go. */
import type { Counter, Histogram, MetricsRegistry } from '../platform/metrics.ts';

/** Upper bounds in seconds: from what a step in memory takes to what a busy card makes of it. */
const BUCKETS_SECONDS = [0.0001, 0.001, 0.01, 0.1, 1, 10];

/** What one queue tells. */
export interface QueueObserver {
  added(): void;
  retried(): void;
  /** A key was handed out after so long. */
  waited(seconds: number): void;
  /** A worker is done with a key after so long. */
  worked(seconds: number): void;
}

export class WorkQueueMetrics {
  readonly #sizes = new Map<string, () => number>();
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #waits: Histogram;
  readonly #works: Histogram;

  constructor(registry: MetricsRegistry) {
    this.#adds = registry.counter('workqueue_adds_total', 'Keys put into a queue');
    this.#retries = registry.counter('workqueue_retries_total', 'Keys that are tried again after a failure');
    this.#waits = registry.histogram(
      'workqueue_queue_duration_seconds',
      'How long keys waited in a queue',
      BUCKETS_SECONDS,
    );
    this.#works = registry.histogram(
      'workqueue_work_duration_seconds',
      'How long keys took to handle',
      BUCKETS_SECONDS,
    );
    registry.read('workqueue_depth', { help: 'Keys that wait in a queue' }, () =>
      [...this.#sizes].map(([name, size]) => ({ labels: { name }, value: size() })),
    );
  }

  observe(name: string, size: () => number): QueueObserver {
    const labels = { name };
    this.#sizes.set(name, size);
    return {
      added: () => this.#adds.add(labels),
      retried: () => this.#retries.add(labels),
      waited: (seconds) => this.#waits.observe(labels, seconds),
      worked: (seconds) => this.#works.observe(labels, seconds),
    };
  }
}
