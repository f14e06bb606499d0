/**
 * Amounts of a container as they were asked for at its creation, written down beside it: an engine without a controller
 * (a board whose memory cgroup is off) drops an amount silently, which must not look like a change that is still to be made.
 */
import type { ContainerAmounts, ContainerRecord } from '../../container-runtime/runtime.ts';

/** Annotation of a container: `<shares>/<cpu limit, thousandths>/<memory limit, bytes>`. */
export const AMOUNTS_ANNOTATION = 'bramble.dev/amounts';

export type AmountName = 'cpu' | 'memory';

export function renderAmountsAnnotation({ cpuShares, cpuLimitMillis, memoryLimitBytes }: ContainerAmounts): string {
  return [cpuShares, cpuLimitMillis, memoryLimitBytes].join('/');
}

/** undefined: the container was made by an agent that did not write them down. */
export function askedAmounts({ annotations }: Pick<ContainerRecord, 'annotations'>): ContainerAmounts | undefined {
  const parts = (annotations[AMOUNTS_ANNOTATION] ?? '').split('/').map(Number);
  const [cpuShares, cpuLimitMillis, memoryLimitBytes] = parts;
  if (cpuShares === undefined || cpuLimitMillis === undefined || memoryLimitBytes === undefined) return undefined;
  return { cpuShares, cpuLimitMillis, memoryLimitBytes };
}

/** What has to change in a container so that it has the wanted amounts. */
export function differingAmounts(record: ContainerRecord, wanted: ContainerAmounts): AmountName[] {
  const asked = askedAmounts(record);
  const differs = (key: keyof ContainerAmounts): boolean => {
    // Asked for, and not in force: this engine cannot.
    const isDropped = record.amounts[key] === 0 && (asked === undefined || asked[key] > 0) && wanted[key] > 0;
    return !isDropped && record.amounts[key] !== wanted[key];
  };
  return [
    ...(differs('cpuShares') || differs('cpuLimitMillis') ? (['cpu'] as const) : []),
    ...(differs('memoryLimitBytes') ? (['memory'] as const) : []),
  ];
}
