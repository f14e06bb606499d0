/** Checks of a LimitRange: bounds that can be kept, min ≤ defaultRequest ≤ default ≤ max. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import { checkUnique, complaintsAbout, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { nanosOf } from './resources.ts';

type Quantities = Readonly<Record<string, string>>;

interface Item {
  type: string;
  max?: Quantities;
  min?: Quantities;
  default?: Quantities;
  defaultRequest?: Quantities;
  maxLimitRequestRatio?: Quantities;
}

const TYPES: readonly string[] = ['Pod', 'Container', 'PersistentVolumeClaim'];

const LEVELS = ['min', 'defaultRequest', 'default', 'max'] as const;

const ONE = 1_000_000_000n;

export function checkLimitRange(limits: readonly Item[]): FieldError[] {
  return [
    ...limits.flatMap((item, index) => checkItem(`spec.limits[${index}]`, item)),
    ...checkUnique(
      limits,
      ({ type }) => type,
      (index) => `spec.limits[${index}].type`,
    ),
  ];
}

function checkItem(field: string, item: Item): FieldError[] {
  return [
    ...(TYPES.includes(item.type) ? [] : checkQualifiedType(`${field}.type`, item.type)),
    ...(item.type === 'Pod' ? checkNoDefaults(field, item) : []),
    ...(item.type === 'PersistentVolumeClaim' ? checkHasStorage(field, item) : []),
    ...resourcesOf(item).flatMap((name) => checkOrder(field, name, item)),
    ...Object.keys(item.maxLimitRequestRatio ?? {}).flatMap((name) => checkRatio(field, name, item)),
  ];
}

function checkQualifiedType(field: string, type: string): FieldError[] {
  const complaints = complaintsAbout(field, type, validateQualifiedName(type));
  if (complaints.length > 0 || type.includes('/')) return complaints;
  return [invalidValue(field, type, 'must be a standard limit type or fully qualified')];
}

function checkNoDefaults(field: string, item: Item): FieldError[] {
  return (['default', 'defaultRequest'] as const)
    .filter((name) => Object.keys(item[name] ?? {}).length > 0)
    .map((name) => forbiddenValue(`${field}.${name}`, "may not be specified when `type` is 'Pod'"));
}

function checkHasStorage(field: string, { min = {}, max = {} }: Item): FieldError[] {
  if (min['storage'] !== undefined || max['storage'] !== undefined) return [];
  return [
    requiredValue(`${field}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
  ];
}

/** The names came from outside: `toString` is one like others. */
function amountOf(amounts: Quantities = {}, name: string): string | undefined {
  return Object.hasOwn(amounts, name) ? amounts[name] : undefined;
}

function resourcesOf(item: Item): string[] {
  const all = LEVELS.flatMap((level) => Object.keys(item[level] ?? {}));
  return [...new Set(all)];
}

/** Of the levels that are given, none may exceed a later one. */
function checkOrder(field: string, name: string, item: Item): FieldError[] {
  const errors: FieldError[] = [];
  LEVELS.forEach((low, index) => {
    const lower = nanosOf(amountOf(item[low], name));
    for (const high of LEVELS.slice(index + 1)) {
      const upper = nanosOf(amountOf(item[high], name));
      if (lower === undefined || upper === undefined || lower <= upper) continue;
      const why = `${low} value ${item[low]?.[name]} is greater than ${high} value ${item[high]?.[name]}`;
      errors.push(invalidValue(`${field}.${low}[${name}]`, item[low]?.[name], why));
    }
  });
  return errors;
}

function checkRatio(field: string, name: string, { maxLimitRequestRatio, min, max }: Item): FieldError[] {
  const text = maxLimitRequestRatio?.[name];
  const at = `${field}.maxLimitRequestRatio[${name}]`;
  const [ratio, least, most] = [text, amountOf(min, name), amountOf(max, name)].map(nanosOf);
  if (ratio === undefined) return [];
  if (ratio < ONE) return [invalidValue(at, text, `ratio ${text} is less than 1`)];
  if (least === undefined || most === undefined || least === 0n) return [];
  const widest = (most * ONE) / least;
  return ratio > widest
    ? [invalidValue(at, text, `ratio ${text} is greater than max/min = ${Number(widest) / 1e9}`)]
    : [];
}
