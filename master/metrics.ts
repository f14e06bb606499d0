/** What the control plane counts beside its API: queues, decisions of the scheduler, boards, and the process itself. */
import { BOARD_READINGS, type BoardReading, metricTypeOf } from '../shared/api/board-metrics.ts';
import type { NodeSensors } from '../shared/api/node-sensors.ts';
import { WorkQueueMetrics } from '../shared/client/work-queue-metrics.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { MetricsRegistry, type Sample } from '../shared/platform/metrics.ts';
import { measureProcess } from '../shared/platform/process-metrics.ts';
import type { Scheduler, SchedulerOptions } from './scheduler/scheduler.ts';

/** Upper bounds of a decision, seconds: a tenth of a millisecond with few boards, some with thousands. */
const DECISION_BUCKETS_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1];

export interface MasterMetrics {
  registry: MetricsRegistry;
  queues: WorkQueueMetrics;
  onDecision: NonNullable<SchedulerOptions['onDecision']>;
  /** Once it is made. */
  measureScheduler(scheduler: Pick<Scheduler, 'pendingPods'>): void;
}

export function createMasterMetrics(clock: Clock): MasterMetrics {
  const registry = new MetricsRegistry();
  const queues = new WorkQueueMetrics(registry);
  const attempts = registry.counter('scheduler_schedule_attempts_total', 'Decisions by their result');
  const durations = registry.histogram(
    'scheduler_scheduling_attempt_duration_seconds',
    'How long decisions took',
    DECISION_BUCKETS_SECONDS,
  );
  measureProcess(registry, clock);
  return {
    registry,
    queues,
    onDecision(durationMs, result) {
      const labels = { result, profile: 'default-scheduler' };
      attempts.add(labels);
      durations.observe(labels, durationMs / 1000);
    },
    measureScheduler(scheduler) {
      registry.read('scheduler_pending_pods', { help: 'Pods that wait for a node' }, () =>
        Object.entries(scheduler.pendingPods()).map(([queue, value]) => ({ labels: { queue }, value })),
      );
    },
  };
}

/** The boards as their agents told last: all of them in one scrape, whether they can be reached or not. */
const READINGS: readonly BoardReading<NodeSensors>[] = [
  ...BOARD_READINGS,
  ['bramble_node_memory_available_bytes', 'Memory for new programs', (one) => one.memoryAvailableBytes],
  ['bramble_node_load1', 'Processes that run or wait, over a minute', (one) => one.loadAverage1],
];

export function measureBoards(registry: MetricsRegistry, list: () => readonly NodeSensors[]): void {
  for (const [name, help, readFrom] of READINGS) {
    registry.read(name, { help, type: metricTypeOf(name) }, () =>
      list().flatMap((board) => sampleOf(board, readFrom(board))),
    );
  }
}

function sampleOf({ metadata }: NodeSensors, value: number | boolean | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: { node: metadata.name ?? '' }, value: Number(value) }];
}
