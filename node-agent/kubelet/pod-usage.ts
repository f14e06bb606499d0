/** CPU and memory of the running containers, by pod: the runtime's counters, and their growth since the last look. */
import type { ContainerRuntime, ContainerStats } from '../container-runtime/runtime.ts';
import type { PodUsage } from '../sensors/dead-band.ts';
import type { RuntimeState } from './runtime-state.ts';

const NANOS_PER_MILLI_CPU_MS = 1_000;

export class PodUsageReader {
  readonly #runtime: ContainerRuntime;
  readonly #state: RuntimeState;
  #before = new Map<string, ContainerStats>();

  constructor(runtime: ContainerRuntime, state: RuntimeState) {
    this.#runtime = runtime;
    this.#state = state;
  }

  /** Empty while the engine is away. */
  async read(): Promise<PodUsage[]> {
    if (this.#state.problem !== undefined) return [];
    const running = [...this.#state.all().values()].flatMap(({ containers }) =>
      containers.filter(({ state }) => state === 'running'),
    );
    const stats = await this.#runtime.stats(running.map(({ id }) => id));
    const now = new Map(stats.map((item) => [item.containerId, item]));
    const byPod = Map.groupBy(running, ({ pod }) => pod.uid);
    const usage = [...byPod.values()].flatMap((records) => {
      const pod = records[0]?.pod;
      const containers = records.flatMap(({ id, name }) => {
        const current = now.get(id);
        return current ? [{ name, ...this.#rate(current) }] : [];
      });
      return pod && containers.length > 0 ? [{ ...pod, containers }] : [];
    });
    this.#before = now;
    return usage;
  }

  /** A container seen for the first time has no rate yet. */
  #rate(now: ContainerStats): { cpuMillis: number; memoryBytes: number; processes?: number | undefined } {
    const before = this.#before.get(now.containerId);
    const elapsedMs = before === undefined ? 0 : now.atMs - before.atMs;
    const usedNanos = now.cpuNanos - (before?.cpuNanos ?? 0);
    const cpuMillis = elapsedMs <= 0 ? 0 : Math.max(0, Math.round(usedNanos / (elapsedMs * NANOS_PER_MILLI_CPU_MS)));
    return { cpuMillis, memoryBytes: now.workingSetBytes, processes: now.processes };
  }
}
