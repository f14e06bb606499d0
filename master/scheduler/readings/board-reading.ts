/**
 * What a board last said of itself, as far as it can be believed. Its own clock is not trusted (boards have none at boot),
 * so a reading is as old as its arrival here.
 */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { QuantityError, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import { DEFAULT_THROTTLE_CELSIUS, plausibleCelsius } from '../../../shared/machinery/temperature.ts';

export interface BoardReading {
  /** Monotonic time of arrival. */
  readonly arrivedMs: number;
  readonly cpuMillis: number | undefined;
  readonly memoryAvailableBytes: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly throttleCelsius: number;
  /** Throttled or short of voltage right now. */
  readonly isInDistress: boolean;
}

export function computeBoardReading(sensors: NodeSensors, arrivedMs: number): BoardReading {
  return {
    arrivedMs,
    cpuMillis: parseMillis(sensors.usage?.['cpu']),
    memoryAvailableBytes: believedMemory(sensors),
    temperatureCelsius: plausibleCelsius(sensors.temperatureCelsius),
    throttleCelsius: plausibleCelsius(sensors.throttleCelsius) ?? DEFAULT_THROTTLE_CELSIUS,
    isInDistress: sensors.throttled === true || sensors.underVoltage === true,
  };
}

/** Boards without a memory cgroup read 0 bytes in use: such a board would look empty for ever. */
function believedMemory({ usage, memoryAvailableBytes }: NodeSensors): number | undefined {
  if (usage?.['memory'] !== undefined && parseMillis(usage['memory']) === 0) return undefined;
  return memoryAvailableBytes !== undefined && memoryAvailableBytes > 0 ? memoryAvailableBytes : undefined;
}

function parseMillis(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return quantityToMillis(text);
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}
