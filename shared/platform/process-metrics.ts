/** What any program of ours costs the machine, under the names of Prometheus' client libraries. */
import type { Clock } from './clock.ts';
import type { MetricsRegistry } from './metrics.ts';

export function measureProcess(registry: MetricsRegistry, clock: Pick<Clock, 'nowMs'>): void {
  const startSeconds = clock.nowMs() / 1000 - process.uptime();
  registry.read('process_resident_memory_bytes', { help: 'Memory that the program holds' }, () => [
    { value: process.memoryUsage.rss() },
  ]);
  registry.read('process_cpu_seconds_total', { help: 'CPU time that it has used', type: 'counter' }, () => {
    const { user, system } = process.cpuUsage();
    return [{ value: (user + system) / 1_000_000 }];
  });
  registry.read('process_start_time_seconds', { help: 'When it was started, seconds since 1970' }, () => [
    { value: Math.round(startSeconds * 1000) / 1000 },
  ]);
  registry.read('nodejs_heap_size_used_bytes', { help: 'Of the heap, what is in use' }, () => [
    { value: process.memoryUsage().heapUsed },
  ]);
}
