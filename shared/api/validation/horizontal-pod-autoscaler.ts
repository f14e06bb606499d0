/** Checks of an autoscaler: bounds that leave a choice, metrics with the target that fits them, speeds that make sense. */
import type { FieldError } from '../../machinery/errors.ts';
import { validatePathSegment } from '../../machinery/names.ts';
import type { CrossVersionObjectReference, MetricSpec, MetricTarget } from '../hpa-metrics.ts';
import { checkNotNegative, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkQuantity, nanosOf } from './resources.ts';
import { checkText } from './text.ts';

interface Policy {
  type: string;
  value: number;
  periodSeconds: number;
}

interface Rules {
  stabilizationWindowSeconds?: number;
  selectPolicy?: string;
  policies?: readonly Policy[];
  tolerance?: string;
}

interface AutoscalerSpec {
  scaleTargetRef: CrossVersionObjectReference;
  minReplicas: number;
  maxReplicas: number;
  metrics: readonly MetricSpec[];
  behavior?: { scaleUp?: Rules; scaleDown?: Rules };
}

const MAX_STABILIZATION_SECONDS = 3_600;
const MAX_PERIOD_SECONDS = 1_800;

export function checkAutoscaler(spec: AutoscalerSpec): FieldError[] {
  const { scaleTargetRef, minReplicas, maxReplicas, metrics, behavior } = spec;
  return [
    ...(minReplicas < 1 ? [invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')] : []),
    ...(maxReplicas < 1 ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0')] : []),
    ...(maxReplicas < minReplicas
      ? [invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')]
      : []),
    ...checkText('spec.scaleTargetRef.kind', scaleTargetRef?.kind, validatePathSegment),
    ...checkText('spec.scaleTargetRef.name', scaleTargetRef?.name, validatePathSegment),
    ...metrics.flatMap((metric, index) => checkMetric(`spec.metrics[${index}]`, metric)),
    ...checkRules('spec.behavior.scaleUp', behavior?.scaleUp),
    ...checkRules('spec.behavior.scaleDown', behavior?.scaleDown),
  ];
}

const SOURCES = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
  External: 'external',
} as const;

function checkMetric(field: string, metric: MetricSpec): FieldError[] {
  const expected = SOURCES[metric.type];
  const surplus = Object.values(SOURCES).filter((name) => name !== expected && metric[name] !== undefined);
  return [
    ...(expected && metric[expected] === undefined
      ? [requiredValue(`${field}.${expected}`, 'must populate information for the given metric source')]
      : []),
    ...surplus.map((name) => forbiddenValue(`${field}.${name}`, 'must populate the given metric source only')),
    ...(metric.resource ? checkResource(`${field}.resource`, metric.resource) : []),
    ...(metric.containerResource ? checkContainerResource(`${field}.containerResource`, metric.containerResource) : []),
    ...checkOtherSources(field, metric),
  ];
}

function checkResource(field: string, { name, target }: { name: string; target: MetricTarget }): FieldError[] {
  const errors = [...checkText(`${field}.name`, name), ...checkTarget(`${field}.target`, target)];
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    errors.push(
      requiredValue(`${field}.target.averageUtilization`, 'must set either a target raw value or a target utilization'),
    );
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    errors.push(
      forbiddenValue(`${field}.target.averageValue`, 'may not set both a target raw value and a target utilization'),
    );
  }
  return errors;
}

function checkContainerResource(
  field: string,
  source: { name: string; container: string; target: MetricTarget },
): FieldError[] {
  return [...checkResource(field, source), ...checkText(`${field}.container`, source.container)];
}

function checkOtherSources(field: string, { pods, object, external }: MetricSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (pods) {
    errors.push(...checkText(`${field}.pods.metric.name`, pods.metric.name, validatePathSegment));
    errors.push(...checkTarget(`${field}.pods.target`, pods.target));
    if (pods.target.averageValue === undefined) {
      errors.push(requiredValue(`${field}.pods.target.averageValue`, 'must specify a positive target averageValue'));
    }
  }
  for (const [name, source] of [['object', object] as const, ['external', external] as const]) {
    if (source === undefined) continue;
    errors.push(...checkText(`${field}.${name}.metric.name`, source.metric.name, validatePathSegment));
    errors.push(...checkTarget(`${field}.${name}.target`, source.target));
    if (source.target.value === undefined && source.target.averageValue === undefined) {
      errors.push(
        requiredValue(
          `${field}.${name}.target.averageValue`,
          'must set either a target value for metric or a per-pod target',
        ),
      );
    }
  }
  return errors;
}

function checkTarget(field: string, { value, averageValue, averageUtilization }: MetricTarget): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, amount] of [['value', value] as const, ['averageValue', averageValue] as const]) {
    const nanos = nanosOf(amount);
    if (nanos !== undefined && nanos <= 0n) errors.push(invalidValue(`${field}.${name}`, amount, 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalidValue(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
  return errors;
}

function checkRules(field: string, rules: Rules | undefined): FieldError[] {
  if (rules === undefined) return [];
  const { stabilizationWindowSeconds: window, policies = [], tolerance } = rules;
  const errors = checkNotNegative(`${field}.stabilizationWindowSeconds`, window);
  if ((window ?? 0) > MAX_STABILIZATION_SECONDS) {
    const why = `must be less than or equal to ${MAX_STABILIZATION_SECONDS}`;
    errors.push(invalidValue(`${field}.stabilizationWindowSeconds`, window, why));
  }
  if (policies.length === 0) errors.push(requiredValue(`${field}.policies`, 'must specify at least one Policy'));
  return [
    ...errors,
    ...policies.flatMap((policy, index) => checkPolicy(`${field}.policies[${index}]`, policy)),
    ...checkQuantity(`${field}.tolerance`, tolerance),
  ];
}

function checkPolicy(field: string, { value, periodSeconds }: Policy): FieldError[] {
  const errors: FieldError[] = [];
  if (value <= 0) errors.push(invalidValue(`${field}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0)
    errors.push(invalidValue(`${field}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > MAX_PERIOD_SECONDS) {
    const why = `must be less than or equal to ${MAX_PERIOD_SECONDS}`;
    errors.push(invalidValue(`${field}.periodSeconds`, periodSeconds, why));
  }
  return errors;
}
