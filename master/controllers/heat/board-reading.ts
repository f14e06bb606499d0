/** What a board last said of its heat and of what its pods use. Pure. */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { QuantityError, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import { MAX_READING_AGE_MS, plausibleCelsius } from '../../../shared/machinery/temperature.ts';
import { addTrendPoint, type TrendPoint, trendPerMinute } from '../../../shared/machinery/trend.ts';

export interface BoardReading {
  readonly celsius: number | undefined;
  readonly throttleCelsius: number | undefined;
  readonly trendCelsiusPerMinute: number;
  /** CPU in use on the whole board, in thousandths. */
  readonly cpuMillis: number | undefined;
  /** uid of a pod → thousandths of a CPU; undefined: nobody measures. */
  readonly usage: ReadonlyMap<string, number> | undefined;
  /** Nothing was heard yet, and it is too early to take that for an answer. */
  readonly isAwaited: boolean;
}

/** As it came in. */
export interface StoredReading {
  readonly arrivedMs: number;
  readonly points: readonly TrendPoint[];
  readonly celsius: number | undefined;
  readonly throttleCelsius: number | undefined;
  readonly cpuMillis: number | undefined;
  readonly usage: ReadonlyMap<string, number> | undefined;
}

export function storeReading(before: StoredReading | undefined, sensors: NodeSensors, nowMs: number): StoredReading {
  const celsius = plausibleCelsius(sensors.temperatureCelsius);
  return {
    arrivedMs: nowMs,
    points: celsius === undefined ? [] : addTrendPoint(before?.points ?? [], { atMs: nowMs, value: celsius }),
    celsius,
    throttleCelsius: plausibleCelsius(sensors.throttleCelsius),
    cpuMillis: sensors.usage?.['cpu'] === undefined ? undefined : parseMillis(sensors.usage['cpu']),
    usage: sensors.pods === undefined ? undefined : new Map(sensors.pods.map((pod) => [pod.uid, cpuMillisOf(pod)])),
  };
}

/** What the reading says now; one that is too old says nothing. */
export function readingAt(
  stored: StoredReading | undefined,
  { nowMs, startedMs }: { nowMs: number; startedMs: number },
): BoardReading {
  const isFresh = stored !== undefined && nowMs - stored.arrivedMs <= MAX_READING_AGE_MS;
  return {
    celsius: isFresh ? stored.celsius : undefined,
    throttleCelsius: stored?.throttleCelsius,
    trendCelsiusPerMinute: isFresh ? trendPerMinute(stored.points, nowMs) : 0,
    cpuMillis: isFresh ? stored.cpuMillis : undefined,
    usage: isFresh ? stored.usage : undefined,
    isAwaited: stored === undefined && nowMs - startedMs <= MAX_READING_AGE_MS,
  };
}

function cpuMillisOf({ containers = [] }: NonNullable<NodeSensors['pods']>[number]): number {
  return containers.reduce((sum, { usage }) => sum + parseMillis(usage?.['cpu']), 0);
}

function parseMillis(text = '0'): number {
  try {
    return quantityToMillis(text);
  } catch (error) {
    if (error instanceof QuantityError) return 0;
    throw error;
  }
}
