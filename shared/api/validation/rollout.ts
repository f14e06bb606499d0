/** Checks of a Deployment's roll-out: a rolling update must be able to make progress. */
import type { FieldError } from '../../machinery/errors.ts';
import { checkNotNegative, forbiddenValue, invalidValue } from './field-error.ts';

interface RolloutSpec {
  minReadySeconds?: number;
  progressDeadlineSeconds: number;
  revisionHistoryLimit: number;
  strategy: {
    type: 'RollingUpdate' | 'Recreate';
    rollingUpdate?: { maxUnavailable: number | string; maxSurge: number | string };
  };
}

export function checkRollout(spec: RolloutSpec): FieldError[] {
  const { minReadySeconds = 0, progressDeadlineSeconds, revisionHistoryLimit } = spec;
  return [
    ...checkNotNegative('spec.revisionHistoryLimit', revisionHistoryLimit),
    ...checkNotNegative('spec.progressDeadlineSeconds', progressDeadlineSeconds),
    ...(progressDeadlineSeconds <= minReadySeconds
      ? [invalidValue('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be greater than minReadySeconds')]
      : []),
    ...checkStrategy(spec.strategy),
  ];
}

function checkStrategy({ type, rollingUpdate }: RolloutSpec['strategy']): FieldError[] {
  const field = 'spec.strategy.rollingUpdate';
  if (rollingUpdate === undefined) return [];
  if (type === 'Recreate') {
    return [forbiddenValue(field, "may not be specified when strategy `type` is 'Recreate'")];
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const errors = [
    ...checkShare(`${field}.maxUnavailable`, maxUnavailable),
    ...checkShare(`${field}.maxSurge`, maxSurge),
  ];
  if (errors.length > 0) return errors;
  const missing = `${field}.maxUnavailable`;
  if (shareAmount(maxUnavailable) === 0 && shareAmount(maxSurge) === 0) {
    return [invalidValue(missing, maxUnavailable, 'may not be 0 when `maxSurge` is 0')];
  }
  return checkShareOfAll(missing, maxUnavailable);
}

const PERCENTAGE = /^\d+%$/;

/** A count or a percentage. */
export function checkShare(field: string, share: number | string): FieldError[] {
  if (typeof share === 'number') return checkNotNegative(field, share);
  if (PERCENTAGE.test(share)) return [];
  return [invalidValue(field, share, "must be an integer or a percentage (e.g '5%')")];
}

/** A percentage that is no more than everything. */
export function checkShareOfAll(field: string, share: number | string): FieldError[] {
  const isTooMuch = typeof share === 'string' && shareAmount(share) > 100;
  return isTooMuch ? [invalidValue(field, share, 'must not be greater than 100%')] : [];
}

/** The number before the `%`, or the count. */
export function shareAmount(share: number | string): number {
  return Number.parseInt(String(share), 10);
}
