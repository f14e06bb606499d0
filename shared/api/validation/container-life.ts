/** Checks of how a container's life goes on: its own restart policy and rules, its stop signal, how it takes other amounts. */
import type { FieldError } from '../../machinery/errors.ts';
import type { Container, EphemeralContainer } from '../container.ts';
import type { ContainerRestartRule } from '../container-fields.ts';
import type { PodSpec } from '../pod-spec.ts';
import {
  checkRange,
  checkUnique,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from './field-error.ts';

/** Upstream's bounds. */
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_EXIT_CODE = 255;

/** Signals of Linux by which a container can be stopped. Source: signal(7). */
const SIGNAL = /^SIG(?:RT(?:MIN(?:\+(?:[1-9]|1[0-5]))?|MAX(?:-(?:[1-9]|1[0-4]))?)|[A-Z]{2,6}[12]?)$/;

export function checkContainerLife(
  field: string,
  container: Container | EphemeralContainer,
  spec: PodSpec,
): FieldError[] {
  return [
    ...checkRules(`${field}.restartPolicyRules`, container),
    ...checkResizePolicy(`${field}.resizePolicy`, container, spec),
    ...checkStopSignal(`${field}.lifecycle.stopSignal`, container.lifecycle?.stopSignal, spec),
  ];
}

function checkRules(field: string, { restartPolicy, restartPolicyRules: rules = [] }: Container): FieldError[] {
  if (rules.length === 0) return [];
  return [
    ...(restartPolicy === undefined
      ? [requiredValue(field.replace(/Rules$/, ''), 'must specify restartPolicy when restart rules are used')]
      : []),
    ...(rules.length > MAX_RULES ? [invalidValue(field, rules.length, `must have at most ${MAX_RULES} items`)] : []),
    ...rules.flatMap((rule, index) => checkRule(`${field}[${index}]`, rule)),
  ];
}

function checkRule(field: string, { action, exitCodes }: ContainerRestartRule): FieldError[] {
  // Restarting all containers of a pod is an alpha feature, which no board serves.
  const errors = action === 'Restart' ? [] : [unsupportedValue(`${field}.action`, action, ['Restart'])];
  if (exitCodes === undefined) return [...errors, requiredValue(`${field}.exitCodes`, 'must be specified')];
  const values = exitCodes.values ?? [];
  if (values.length > MAX_EXIT_CODES) {
    errors.push(invalidValue(`${field}.exitCodes.values`, values.length, `must have at most ${MAX_EXIT_CODES} items`));
  }
  const ranges = values.flatMap((value, index) =>
    checkRange(`${field}.exitCodes.values[${index}]`, value, 0, MAX_EXIT_CODE),
  );
  return [...errors, ...ranges];
}

function checkResizePolicy(field: string, { resizePolicy = [] }: Container, spec: PodSpec): FieldError[] {
  return [
    ...resizePolicy.flatMap(({ resourceName, restartPolicy }, index) => [
      ...(resourceName === 'cpu' || resourceName === 'memory'
        ? []
        : [unsupportedValue(`${field}[${index}].resourceName`, resourceName, ['cpu', 'memory'])]),
      ...(spec.restartPolicy === 'Never' && restartPolicy === 'RestartContainer'
        ? [
            invalidValue(
              `${field}[${index}].restartPolicy`,
              restartPolicy,
              "must be 'NotRequired' when `restartPolicy` is 'Never'",
            ),
          ]
        : []),
    ]),
    ...checkUnique(
      resizePolicy,
      ({ resourceName }) => resourceName,
      (index) => `${field}[${index}]`,
    ),
  ];
}

function checkStopSignal(field: string, signal: string | undefined, { os }: PodSpec): FieldError[] {
  if (signal === undefined) return [];
  if (os === undefined) return [forbiddenValue(field, 'may not be set for containers with empty `spec.os.name`')];
  return SIGNAL.test(signal) ? [] : [invalidValue(field, signal, 'must be a signal of Linux, such as SIGUSR1')];
}
