/**
 * Kubernetes quantities, exactly: `500m` of a CPU, `64Mi` of memory. A value is a whole number of billionths, so that
 * nothing is lost in sums; each amount has one canonical text.
 * Source: Kubernetes API reference, "Quantity".
 */

/** How an amount is written: powers of 1000 by letter, powers of 1024 by letter, or a decimal exponent (`1e3`). */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  /** Billionths of the unit. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

/** Longest text that is read as a quantity; the largest sensible amount has about 25 characters. */
const MAX_QUANTITY_CHARS = 128;

/** Largest decimal exponent either way, so that `1e999999999` does not fill the memory with digits. */
const MAX_EXPONENT = 96;

const NANOS = 1_000_000_000n;

/** Amounts with a binary suffix are capped at what a signed 64-bit number of bytes can say. */
const MAX_BINARY_NANOS = (2n ** 63n - 1n) * NANOS;

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

const BINARY_EXPONENTS: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

const DECIMAL_SUFFIXES = Object.entries(DECIMAL_EXPONENTS).map(([suffix, exponent]) => ({ suffix, exponent }));
const BINARY_SUFFIXES = Object.entries(BINARY_EXPONENTS).map(([suffix, exponent]) => ({ suffix, exponent }));

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/** Reads `1.5`, `500m`, `64Mi`, `1e3`. Parts below a billionth are rounded away from zero. Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  const match = text.length <= MAX_QUANTITY_CHARS ? PATTERN.exec(text) : null;
  const [, sign = '', whole = '', fraction = '', exponentMark, exponentDigits = '0', suffix = ''] = match ?? [];
  if (match === null || whole + fraction === '') throw notAQuantity(text);
  const decimal = exponentMark === undefined ? (DECIMAL_EXPONENTS[suffix] ?? 0) : Number(exponentDigits);
  if (Math.abs(decimal) > MAX_EXPONENT) throw notAQuantity(text);
  const binary = BINARY_EXPONENTS[suffix];
  const digits = BigInt(whole + fraction) << BigInt(binary ?? 0);
  const magnitude = timesPowerOfTen(digits, 9 + decimal - fraction.length);
  const format = exponentMark !== undefined ? 'DecimalExponent' : binary === undefined ? 'DecimalSI' : 'BinarySI';
  return withSign(sign, magnitude, format);
}

/** The canonical text: no fraction, the largest suffix that loses nothing, `1500m` for 1.5, `1536Mi` for 1.5Gi. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos } = quantity;
  const isWhole = nanos % NANOS === 0n;
  const isSmall = abs(nanos) < 1024n * NANOS;
  if (quantity.format === 'BinarySI' && isWhole && !isSmall) return formatBinary(nanos / NANOS);
  return formatDecimal(nanos, quantity.format === 'DecimalExponent');
}

export function canonicalQuantity(text: string): string {
  return formatQuantity(parseQuantity(text));
}

/** Below, at or above zero, as `sort` wants it. */
export function compareQuantities(left: Quantity, right: Quantity): -1 | 0 | 1 {
  return left.nanos < right.nanos ? -1 : left.nanos > right.nanos ? 1 : 0;
}

/** The sum is written like `left`, or like `right` when `left` is zero. */
export function addQuantities(left: Quantity, right: Quantity): Quantity {
  return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** The difference is written like `left`, or like `right` when `left` is zero. */
export function subtractQuantities(left: Quantity, right: Quantity): Quantity {
  return { nanos: left.nanos - right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** Thousandths, rounded away from zero: `100m` of CPU is 100. Throws QuantityError. */
export function quantityToMillis(text: string): number {
  return Number(divideAwayFromZero(parseQuantity(text).nanos, 1_000_000n));
}

/** Whole units, rounded away from zero: `1Ki` is 1024. Throws QuantityError. */
export function quantityToBytes(text: string): number {
  return Number(divideAwayFromZero(parseQuantity(text).nanos, NANOS));
}

/** `500` is `500m`, `2000` is `2`. `millis` is a whole number. */
export function formatMillis(millis: number): string {
  return formatQuantity({ nanos: BigInt(millis) * 1_000_000n, format: 'DecimalSI' });
}

/** `1572864` is `1536Ki`. `bytes` is a whole number. */
export function formatBytes(bytes: number): string {
  return formatQuantity({ nanos: BigInt(bytes) * NANOS, format: 'BinarySI' });
}

function withSign(sign: string, magnitude: bigint, written: QuantityFormat): Quantity {
  // Less than one unit has no binary form, so that sums of it are not written in one either.
  const format = written === 'BinarySI' && magnitude > 0n && magnitude < NANOS ? 'DecimalSI' : written;
  const capped = format === 'BinarySI' && magnitude > MAX_BINARY_NANOS ? MAX_BINARY_NANOS : magnitude;
  return { nanos: sign === '-' ? -capped : capped, format };
}

function notAQuantity(text: string): QuantityError {
  const shown = JSON.stringify(text.slice(0, MAX_QUANTITY_CHARS));
  return new QuantityError(`${shown} is not a quantity: write a number with a suffix, such as 500m, 1.5, 64Mi or 1e3`);
}

function timesPowerOfTen(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  return divideAwayFromZero(digits, 10n ** BigInt(-exponent));
}

function divideAwayFromZero(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function formatBinary(units: bigint): string {
  const best = BINARY_SUFFIXES.findLast(({ exponent }) => units % (1n << BigInt(exponent)) === 0n);
  return best === undefined ? `${units}` : `${units >> BigInt(best.exponent)}${best.suffix}`;
}

function formatDecimal(nanos: bigint, asExponent: boolean): string {
  if (nanos === 0n) return '0';
  const best = DECIMAL_SUFFIXES.findLast(({ exponent }) => nanos % 10n ** BigInt(exponent + 9) === 0n);
  const { suffix, exponent } = best ?? { suffix: 'n', exponent: -9 };
  const number = nanos / 10n ** BigInt(exponent + 9);
  return asExponent && exponent !== 0 ? `${number}e${exponent}` : `${number}${suffix}`;
}
