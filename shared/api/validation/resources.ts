/** Checks of the amounts that a container asks for. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import { parseQuantity, QuantityError } from '../../machinery/quantity.ts';
import type { ResourceRequirements } from '../resources.ts';
import { complaintsAbout, invalidValue } from './field-error.ts';

type Quantities = Readonly<Record<string, string>>;

/** Amounts are not negative, names are known or qualified, and no request exceeds its limit. */
export function checkResources(field: string, resources: ResourceRequirements | undefined): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  return [
    ...checkQuantities(`${field}.limits`, limits),
    ...checkQuantities(`${field}.requests`, requests),
    ...Object.entries(requests).flatMap(([name, amount]) =>
      checkAgainstLimit(`${field}.requests`, {
        name,
        amount,
        limit: Object.hasOwn(limits, name) ? limits[name] : undefined,
      }),
    ),
  ];
}

/** An amount that is no quantity has been reported by the schema. */
export function checkQuantity(field: string, amount: string | undefined): FieldError[] {
  const nanos = nanosOf(amount);
  return nanos !== undefined && nanos < 0n ? [invalidValue(field, amount, 'must be greater than or equal to 0')] : [];
}

function checkQuantities(field: string, amounts: Quantities): FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => [
    ...complaintsAbout(`${field}.${name}`, name, checkResourceName(name)),
    ...checkQuantity(`${field}[${name}]`, amount),
  ]);
}

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage']);

function checkResourceName(name: string): string[] {
  if (STANDARD.has(name) || name.startsWith('hugepages-')) return [];
  const complaints = validateQualifiedName(name);
  if (complaints.length > 0 || name.includes('/')) return complaints;
  return ['must be a standard resource type or fully qualified'];
}

function checkAgainstLimit(
  field: string,
  { name, amount, limit }: { name: string; amount: string; limit: string | undefined },
): FieldError[] {
  const [wanted, most] = [nanosOf(amount), nanosOf(limit)];
  if (wanted === undefined || most === undefined || wanted <= most) return [];
  return [invalidValue(field, amount, `must be less than or equal to ${name} limit of ${limit}`)];
}

/** Billionths of the unit; undefined for what is no quantity, which the schema has reported. */
export function nanosOf(amount: string | undefined): bigint | undefined {
  if (amount === undefined) return undefined;
  try {
    return parseQuantity(amount).nanos;
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}
