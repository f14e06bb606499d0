/** What a temperature sensor can be believed. Pure; scheduler and heat protection judge by the same rule. */
const PLAUSIBLE_CELSIUS = { min: -40, max: 150 } as const;

/** Undefined: no sensor, or one that cannot be right. An unplugged sensor reads exactly 0. */
export function plausibleCelsius(value: number | undefined): number | undefined {
  if (value === undefined || value === 0) return undefined;
  return value >= PLAUSIBLE_CELSIUS.min && value <= PLAUSIBLE_CELSIUS.max ? value : undefined;
}

/** Agents report at least every minute; three missed reports make a reading worthless. */
export const MAX_READING_AGE_MS = 180_000;

/** Where the board does not say: the documented limit of all Raspberry Pis. */
export const DEFAULT_THROTTLE_CELSIUS = 80;
