/** Checks of probes and life-cycle hooks: one handler each, ports that can exist, sensible numbers. */
import type { FieldError } from '../../machinery/errors.ts';
import { validatePortName } from '../../machinery/names.ts';
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../probe.ts';
import {
  checkNotNegative,
  checkRange,
  complaintsAbout,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from './field-error.ts';
import { checkText } from './text.ts';

export const MAX_PORT = 65_535;

interface Handlers {
  exec?: { command?: readonly string[] };
  httpGet?: HTTPGetAction;
  tcpSocket?: { port: number | string };
  grpc?: { port: number };
  sleep?: { seconds: number };
}

/** Liveness and startup probes cannot ask for more than one good answer. */
export function checkProbe(
  field: string,
  probe: Probe | undefined,
  role: 'liveness' | 'readiness' | 'startup',
): FieldError[] {
  if (probe === undefined) return [];
  const errors = [
    ...checkHandler(field, probe),
    ...checkNotNegative(`${field}.initialDelaySeconds`, probe.initialDelaySeconds),
    ...checkAtLeastOne(`${field}.timeoutSeconds`, probe.timeoutSeconds),
    ...checkAtLeastOne(`${field}.periodSeconds`, probe.periodSeconds),
    ...checkAtLeastOne(`${field}.successThreshold`, probe.successThreshold),
    ...checkAtLeastOne(`${field}.failureThreshold`, probe.failureThreshold),
    ...checkAtLeastOne(`${field}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds),
  ];
  if (role !== 'readiness' && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    errors.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  if (role === 'readiness' && probe.terminationGracePeriodSeconds !== undefined) {
    const why = 'must not be set for readinessProbes';
    errors.push(invalidValue(`${field}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds, why));
  }
  return errors;
}

export function checkLifecycle(field: string, lifecycle: Lifecycle | undefined): FieldError[] {
  return [
    ...checkHook(`${field}.postStart`, lifecycle?.postStart),
    ...checkHook(`${field}.preStop`, lifecycle?.preStop),
  ];
}

function checkHook(field: string, hook: LifecycleHandler | undefined): FieldError[] {
  return hook === undefined ? [] : checkHandler(field, hook);
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function checkHandler(field: string, handlers: Handlers): FieldError[] {
  const [first, ...others] = HANDLERS.filter((name) => handlers[name] !== undefined);
  if (first === undefined) return [requiredValue(field, 'must specify a handler type')];
  const { exec, httpGet, tcpSocket, grpc, sleep } = handlers;
  return [
    ...others.map((name) => forbiddenValue(`${field}.${name}`, 'may not specify more than 1 handler type')),
    ...(exec && (exec.command ?? []).length === 0 ? [requiredValue(`${field}.exec.command`)] : []),
    ...(httpGet ? checkHttpGet(`${field}.httpGet`, httpGet) : []),
    ...(tcpSocket ? checkPortNumberOrName(`${field}.tcpSocket.port`, tcpSocket.port) : []),
    ...(grpc ? checkRange(`${field}.grpc.port`, grpc.port, 1, MAX_PORT) : []),
    ...(sleep ? checkNotNegative(`${field}.sleep.seconds`, sleep.seconds) : []),
  ];
}

function checkHttpGet(field: string, { path, port, httpHeaders }: HTTPGetAction): FieldError[] {
  return [
    ...checkText(`${field}.path`, path),
    ...checkPortNumberOrName(`${field}.port`, port),
    ...(httpHeaders ?? []).flatMap(({ name }, index) =>
      checkText(`${field}.httpHeaders[${index}].name`, name, checkHeaderName),
    ),
  ];
}

function checkHeaderName(name: string): string[] {
  return /^[-A-Za-z0-9]+$/.test(name) ? [] : ["must be made of letters, digits and '-' (such as 'X-Header-Name')"];
}

/** A number in the range of ports, or the name that a container gives to one. */
export function checkPortNumberOrName(field: string, port: number | string | undefined): FieldError[] {
  if (typeof port === 'string') return complaintsAbout(field, port, validatePortName(port));
  return checkRange(field, port, 1, MAX_PORT);
}

function checkAtLeastOne(field: string, value: number | undefined): FieldError[] {
  return value === undefined || value >= 1 ? [] : [invalidValue(field, value, 'must be greater than 0')];
}
