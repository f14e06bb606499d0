/** What a seed makes: boards of different bodies, workloads of different weight and priority, and the weather. */
import { nextFloat, nextInt, type Random } from '../../../shared/platform/random.ts';
import type { BoardBody } from './thermal-board.ts';

export interface Workload {
  name: string;
  replicas: number;
  priority: number;
  requestMillis: number;
  /** What each of its pods really uses. */
  usageMillis: number;
  /** Pods that must stay available. */
  minAvailable: number;
  kind: 'ReplicaSet' | 'DaemonSet';
}

export interface Weather {
  fromMs: number;
  celsius: number;
}

export interface ThermalPlan {
  boards: BoardBody[];
  workloads: Workload[];
  weather: Weather[];
  /** The weather stays as it is from here on, ... */
  calmFromMs: number;
  /** ... and turns cold here. */
  coldFromMs: number;
  endMs: number;
}

const HOUR_MS = 3_600_000;
const CHANGE_MS = HOUR_MS / 2;
const CALM_FROM_MS = 3 * HOUR_MS;
const COLD_CELSIUS = 0;
const SYSTEM_PRIORITY = 2_000_000_000;
const PRIORITIES = [-10, 0, 0, 100, 1_000, SYSTEM_PRIORITY];

/** Every third seed is a pendulum. */
export function createThermalPlan(random: Random): ThermalPlan {
  return nextInt(random, 3) === 0 ? createPendulum(random) : createMixture(random);
}

/**
 * One board, too hot with all of its pods and cool enough to be freed without the least important one: a protection without
 * memory would give it up and take it back for ever.
 */
function createPendulum(random: Random): ThermalPlan {
  const between = (low: number, high: number): number => low + nextFloat(random) * (high - low);
  const body = {
    name: 'pi-1',
    cpus: 4,
    idleRiseCelsius: between(12, 25),
    fullLoadRiseCelsius: between(28, 38),
    timeConstantMs: between(90_000, 420_000),
    hasSensor: true,
  };
  const one = { replicas: 1, requestMillis: 200, minAvailable: 0, kind: 'ReplicaSet' as const };
  const workloads: Workload[] = [
    { ...one, name: 'important', priority: 100, usageMillis: between(400, 1_200) },
    { ...one, name: 'other', priority: [-10, 0][nextInt(random, 2)] ?? 0, usageMillis: between(2_000, 2_800) },
  ];
  const used = workloads.reduce((sum, { usageMillis }) => sum + usageMillis, 0);
  // So that all of them together would bring the board a little above its hard limit of 78 °C.
  const celsius = between(80, 84) - body.idleRiseCelsius - body.fullLoadRiseCelsius * Math.min(1, used / 4_000);
  return { boards: [body], workloads, ...seasons([{ fromMs: 0, celsius }]) };
}

function createMixture(random: Random): ThermalPlan {
  const between = (low: number, high: number): number => low + nextFloat(random) * (high - low);
  const boards = Array.from({ length: 1 + nextInt(random, 5) }, (_, index) => ({
    name: `pi-${index + 1}`,
    cpus: 4,
    idleRiseCelsius: between(12, 25),
    fullLoadRiseCelsius: between(15, 38),
    timeConstantMs: between(90_000, 420_000),
    hasSensor: nextInt(random, 8) > 0,
  }));
  const workloads = Array.from({ length: 1 + nextInt(random, 8) }, (_, index): Workload => {
    const replicas = 1 + nextInt(random, 4);
    return {
      name: `w${index}`,
      replicas,
      priority: PRIORITIES[nextInt(random, PRIORITIES.length)] ?? 0,
      requestMillis: 50 + nextInt(random, 10) * 100,
      usageMillis: between(20, 2_500),
      minAvailable: nextInt(random, 3) === 0 ? nextInt(random, replicas + 1) : 0,
      kind: nextInt(random, 8) === 0 ? 'DaemonSet' : 'ReplicaSet',
    };
  });
  const changes = Array.from({ length: CALM_FROM_MS / CHANGE_MS }, (_, index) => ({
    fromMs: index * CHANGE_MS,
    celsius: between(15, 55),
  }));
  return { boards, workloads, ...seasons(changes) };
}

function seasons(changes: readonly Weather[]): Omit<ThermalPlan, 'boards' | 'workloads'> {
  const calmFromMs = CALM_FROM_MS;
  const coldFromMs = calmFromMs + 9 * HOUR_MS;
  const weather = [...changes, { fromMs: coldFromMs, celsius: COLD_CELSIUS }];
  return { weather, calmFromMs, coldFromMs, endMs: coldFromMs + 2 * HOUR_MS };
}
