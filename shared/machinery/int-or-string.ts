/**
 * Values that are a number or a text: a count or a share (`25%`) in a Deployment's strategy, a number or a name of a port.
 */
export type IntOrString = number | string;

export class IntOrStringError extends Error {
  override readonly name = 'IntOrStringError';
}

const PERCENT = /^(\d{1,9})%$/;

/** The number before the `%`, or undefined for other texts. */
export function parsePercent(text: string): number | undefined {
  const [, digits] = PERCENT.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * A count as it is, a percentage as that share of `total`, rounded up or down to a whole number: a Deployment's maxSurge is
 * rounded up and its maxUnavailable down. Throws IntOrStringError for other texts.
 */
export function resolveIntOrPercent(value: IntOrString, total: number, rounding: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = parsePercent(value);
  if (percent === undefined)
    throw new IntOrStringError(`${JSON.stringify(value)} is neither a number nor a percentage`);
  // Multiplied first: 29% of 100 is exactly 29, while 0.29 * 100 is not.
  const share = (percent * total) / 100;
  return rounding === 'up' ? Math.ceil(share) : Math.floor(share);
}
