/** Checks of a DaemonSet: a rolling update either leaves nodes without a pod or gives them two, never both or neither. */
import type { FieldError } from '../../machinery/errors.ts';
import type { DaemonSetSpec, RollingUpdateDaemonSet } from '../daemon-set-spec.ts';
import { checkNotNegative, invalidValue, requiredValue } from './field-error.ts';
import { checkShare, checkShareOfAll, shareAmount } from './rollout.ts';
import { checkWorkload } from './workload.ts';

interface Checked {
  spec: DaemonSetSpec;
}

export function checkDaemonSet({ spec }: Checked, old?: Checked): FieldError[] {
  const { type, rollingUpdate } = spec.updateStrategy;
  return [
    ...checkWorkload('daemonset', spec, old?.spec),
    ...checkNotNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...(type === 'RollingUpdate' ? checkRollingUpdate('spec.updateStrategy.rollingUpdate', rollingUpdate) : []),
  ];
}

function checkRollingUpdate(field: string, rollingUpdate: RollingUpdateDaemonSet | undefined): FieldError[] {
  const { maxUnavailable = 1, maxSurge = 0 } = rollingUpdate ?? {};
  const errors = [
    ...checkShare(`${field}.maxUnavailable`, maxUnavailable),
    ...checkShareOfAll(`${field}.maxUnavailable`, maxUnavailable),
    ...checkShare(`${field}.maxSurge`, maxSurge),
    ...checkShareOfAll(`${field}.maxSurge`, maxSurge),
  ];
  if (errors.length > 0) return errors;
  const [mayLack, maySurge] = [shareAmount(maxUnavailable) !== 0, shareAmount(maxSurge) !== 0];
  if (mayLack && maySurge) {
    return [invalidValue(`${field}.maxSurge`, maxSurge, 'may not be set when `maxUnavailable` is not 0')];
  }
  return mayLack || maySurge ? [] : [requiredValue(`${field}.maxUnavailable`, 'cannot be 0 when `maxSurge` is 0')];
}
