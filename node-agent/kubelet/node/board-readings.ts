/** Single readings of a board's sensors as good or bad. Pure; undefined: the board has no such sensor. */
import type { Sample } from '../../sensors/sensors.ts';
import type { Reading } from './latch.ts';

/** So much cooler than where it throttles a board must be before it counts as cool again. */
const COOL_MARGIN_CELSIUS = 5;

export function readOverheating(
  { temperatureCelsius }: Pick<Sample, 'temperatureCelsius'>,
  { throttleCelsius, isHot }: { throttleCelsius: number; isHot: boolean },
): Reading | undefined {
  if (temperatureCelsius === undefined) return undefined;
  if (temperatureCelsius >= throttleCelsius) return 'bad';
  return isHot && temperatureCelsius > throttleCelsius - COOL_MARGIN_CELSIUS ? 'unclear' : 'good';
}

export function readSwitch(isBad: boolean | undefined): Reading | undefined {
  if (isBad === undefined) return undefined;
  return isBad ? 'bad' : 'good';
}
