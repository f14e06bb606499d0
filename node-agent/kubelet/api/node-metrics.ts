/**
 * A node's numbers for Prometheus, made when somebody asks: kubelet_… and container_… under Kubernetes' names, the board's own
 * under bramble_node_…. Labels are the pods and containers of this node, so they are as many as it runs.
 * Source: Kubernetes metrics reference, kubelet and resource metrics.
 */
import { BOARD_READINGS, type BoardReading, metricTypeOf } from '../../../shared/api/board-metrics.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { MetricsRegistry, type Sample } from '../../../shared/platform/metrics.ts';
import { measureProcess } from '../../../shared/platform/process-metrics.ts';
import type { ContainerRecord, ContainerRuntime, ContainerStats } from '../../container-runtime/runtime.ts';
import type { Sample as BoardSample, Inventory, Sensors } from '../../sensors/sensors.ts';
import type { RuntimeState } from '../runtime-state.ts';

export interface NodeMetricsOptions {
  node: string;
  runtime: Pick<ContainerRuntime, 'stats'>;
  state: Pick<RuntimeState, 'all' | 'problem'>;
  sensors: Pick<Sensors, 'inventory'>;
  /** The latest reading; undefined before the first. */
  lastSample(): BoardSample | undefined;
  clock: Clock;
}

export async function renderNodeMetrics(options: NodeMetricsOptions): Promise<string> {
  const registry = new MetricsRegistry();
  measureKubelet(registry, options);
  await measureContainers(registry, options);
  measureMachine(registry, await options.sensors.inventory());
  const sample = options.lastSample();
  if (sample !== undefined) measureBoard(registry, sample);
  measureProcess(registry, options.clock);
  return registry.render();
}

function containersOf(state: NodeMetricsOptions['state']): ContainerRecord[] {
  return [...state.all().values()].flatMap(({ containers }) => containers);
}

function measureKubelet(registry: MetricsRegistry, { node, state }: NodeMetricsOptions): void {
  const pods = [...state.all().values()].filter(({ sandboxes }) => sandboxes.some((one) => one.state === 'ready'));
  const byState = Map.groupBy(containersOf(state), (container) => container.state);
  registry.read('kubelet_node_name', { help: 'The name of the node' }, () => [{ labels: { node }, value: 1 }]);
  registry.read('kubelet_running_pods', { help: 'Pods that have a sandbox' }, () => [{ value: pods.length }]);
  registry.read('kubelet_running_containers', { help: 'Containers by their state' }, () =>
    [...byState].map(([name, list]) => ({ labels: { container_state: name }, value: list.length })),
  );
  registry.read('bramble_kubelet_runtime_up', { help: '1 while the container engine answers' }, () => [
    { value: state.problem === undefined ? 1 : 0 },
  ]);
}

async function measureContainers(registry: MetricsRegistry, { runtime, state }: NodeMetricsOptions): Promise<void> {
  if (state.problem !== undefined) return;
  const running = containersOf(state).filter((container) => container.state === 'running');
  const stats = new Map((await runtime.stats(running.map(({ id }) => id))).map((one) => [one.containerId, one]));
  const read = (name: string, help: string, readFrom: (stats: ContainerStats) => number): void => {
    const type = name.endsWith('_total') ? 'counter' : 'gauge';
    const samples = running.flatMap((container) => {
      const found = stats.get(container.id);
      return found === undefined ? [] : [{ container, value: readFrom(found) }];
    });
    registry.read(`container_${name}`, { help, type }, () =>
      samples.map(({ container, value }) => ({ labels: labelsOf(container), value })),
    );
    const byPod = Map.groupBy(samples, ({ container }) => container.pod.uid);
    registry.read(`pod_${name}`, { help: `${help}, all containers together`, type }, () =>
      [...byPod.values()].flatMap((list) => sumOfPod(list)),
    );
  };
  read('cpu_usage_seconds_total', 'CPU time used', ({ cpuNanos }) => cpuNanos / 1e9);
  read('memory_working_set_bytes', 'Memory in use', ({ workingSetBytes }) => workingSetBytes);
  registry.read('container_start_time_seconds', { help: 'When it was started, seconds since 1970' }, () =>
    running.map((container) => ({ labels: labelsOf(container), value: (container.startedAtMs ?? 0) / 1000 })),
  );
}

function labelsOf({ name, pod }: ContainerRecord): Record<string, string> {
  return { container: name, namespace: pod.namespace, pod: pod.name };
}

function sumOfPod(list: readonly { container: ContainerRecord; value: number }[]): Sample[] {
  const pod = list[0]?.container.pod;
  if (pod === undefined) return [];
  const value = list.reduce((sum, one) => sum + one.value, 0);
  return [{ labels: { namespace: pod.namespace, pod: pod.name }, value }];
}

function measureMachine(registry: MetricsRegistry, { cpus, memoryBytes, throttleCelsius }: Inventory): void {
  registry.read('machine_cpu_cores', { help: 'CPUs of the board' }, () => [{ value: cpus }]);
  registry.read('machine_memory_bytes', { help: 'Memory of the board' }, () => [{ value: memoryBytes }]);
  registry.read('bramble_node_throttle_celsius', { help: 'Temperature at which the board slows itself down' }, () => [
    { value: throttleCelsius },
  ]);
}

const READINGS: readonly BoardReading<BoardSample>[] = [
  ['node_memory_working_set_bytes', 'Memory in use', (one) => one.memoryTotalBytes - one.memoryAvailableBytes],
  ['node_load1', 'Processes that run or wait, over a minute', (one) => one.loadAverage1],
  ['bramble_node_cpu_usage_cores', 'CPUs in use', (one) => one.cpuMillis / 1000],
  ...BOARD_READINGS,
  ['bramble_node_processes', 'Processes and threads', (one) => one.processes?.count],
  ['bramble_node_network_receive_bytes_total', 'Received since boot', (one) => one.network?.receivedBytes],
  ['bramble_node_network_transmit_bytes_total', 'Sent since boot', (one) => one.network?.sentBytes],
  ['bramble_node_wifi_signal_dbm', 'Strength of the Wi-Fi signal', (one) => one.wifi?.signalDbm],
];

/** A sensor that the board does not have gives no line. */
function measureBoard(registry: MetricsRegistry, sample: BoardSample): void {
  for (const [name, help, readFrom] of READINGS) {
    const value = readFrom(sample);
    if (value !== undefined) registry.read(name, { help, type: metricTypeOf(name) }, () => [{ value: Number(value) }]);
  }
}
