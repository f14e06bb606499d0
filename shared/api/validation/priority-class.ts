/** Checks of a PriorityClass: the highest values and the names `system-…` are the cluster's own. */
import type { FieldError } from '../../machinery/errors.ts';
import { forbiddenValue } from './field-error.ts';

const MAX_USER_PRIORITY = 1_000_000_000;

export const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

interface PriorityClass {
  metadata: { name: string };
  value: number;
  preemptionPolicy: string;
  globalDefault?: boolean;
}

export function checkPriorityClass(priorityClass: PriorityClass, old?: PriorityClass): FieldError[] {
  return [...checkValue(priorityClass), ...(old ? checkChange(priorityClass, old) : [])];
}

function checkValue({ metadata: { name }, value, globalDefault }: PriorityClass): FieldError[] {
  if (name?.startsWith('system-')) {
    if (Object.hasOwn(SYSTEM_PRIORITIES, name) && SYSTEM_PRIORITIES[name] === value && !globalDefault) return [];
    const why = "priority class names with 'system-' prefix are reserved for system use only";
    return [forbiddenValue('metadata.name', why)];
  }
  if (value <= MAX_USER_PRIORITY) return [];
  return [forbiddenValue('value', `maximum allowed value of a user defined priority is ${MAX_USER_PRIORITY}`)];
}

function checkChange(next: PriorityClass, old: PriorityClass): FieldError[] {
  return (['value', 'preemptionPolicy'] as const)
    .filter((field) => next[field] !== old[field])
    .map((field) => forbiddenValue(field, 'may not be changed in an update.'));
}
