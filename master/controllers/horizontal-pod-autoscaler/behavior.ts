/**
 * How fast the number of replicas follows what metrics ask for. Pure. Source: Kubernetes, "Horizontal Pod Autoscaling",
 * configurable scaling behavior: stabilization windows first, then policies, then the bounds.
 */
import type {
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
} from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { ScaleEvent, ScaleHistory } from './history.ts';

/** On the way down, unless said. */
export const DEFAULT_DOWN_WINDOW_SECONDS = 300;

/** Without a behavior: twice as many, and four at least. */
const DEFAULT_UP_FACTOR = 2;
const DEFAULT_UP_PODS = 4;

export interface Wish {
  current: number;
  desired: number;
  nowMs: number;
}

export interface Outcome {
  replicas: number;
  able: { reason: string; message: string };
  limited: { isLimited: boolean; reason: string; message: string };
}

type Spec = HorizontalPodAutoscaler['spec'];

/** Notes the wish in the history. */
export function computeAllowedReplicas(spec: Spec, history: ScaleHistory, wish: Wish): Outcome {
  const stabilized = stabilize(spec, history, wish);
  history.recommendations.push({ replicas: wish.desired, atMs: wish.nowMs });
  return { able: ableOf(stabilized, wish), ...applyLimits(spec, history, { ...wish, desired: stabilized }) };
}

/** Neither more than anything wished lately on the way up, nor less on the way down. */
function stabilize({ behavior }: Spec, { recommendations }: ScaleHistory, { current, desired, nowMs }: Wish): number {
  const within = (seconds: number): number[] =>
    recommendations.filter(({ atMs }) => atMs > nowMs - seconds * 1000).map(({ replicas }) => replicas);
  const upSeconds = behavior?.scaleUp?.stabilizationWindowSeconds ?? 0;
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds ?? DEFAULT_DOWN_WINDOW_SECONDS;
  const lowest = Math.min(desired, ...within(upSeconds));
  const highest = Math.max(desired, ...within(downSeconds));
  return Math.min(Math.max(current, lowest), highest);
}

function ableOf(stabilized: number, { current, desired }: Wish): Outcome['able'] {
  if (stabilized === desired) {
    return { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
  }
  const isUp = desired >= current;
  const [word, extreme] = isUp ? ['lower', 'lowest'] : ['higher', 'highest'];
  return {
    reason: isUp ? 'ScaleUpStabilized' : 'ScaleDownStabilized',
    message: `recent recommendations were ${word} than current one, applying the ${extreme} recent recommendation`,
  };
}

function applyLimits(spec: Spec, history: ScaleHistory, wish: Wish): Omit<Outcome, 'able'> {
  const { minReplicas, maxReplicas } = spec;
  const { current, desired } = wish;
  if (desired > current) {
    const speed = upLimit(spec, history, wish);
    if (desired > Math.min(speed, maxReplicas))
      return speed < maxReplicas ? tooFast(speed, 'Up') : tooMany(maxReplicas);
  } else if (desired < current) {
    const speed = downLimit(spec, history, wish);
    if (desired < Math.max(speed, minReplicas))
      return speed > minReplicas ? tooFast(speed, 'Down') : tooFew(minReplicas);
  }
  if (desired > maxReplicas) return tooMany(maxReplicas);
  if (desired < minReplicas) return tooFew(minReplicas);
  const message = 'the desired count is within the acceptable range';
  return { replicas: desired, limited: { isLimited: false, reason: 'DesiredWithinRange', message } };
}

function tooFast(replicas: number, way: 'Up' | 'Down'): Omit<Outcome, 'able'> {
  const word = way === 'Up' ? 'increasing' : 'decreasing';
  const message = `the desired replica count is ${word} faster than the maximum scale rate`;
  return { replicas, limited: { isLimited: true, reason: `Scale${way}Limit`, message } };
}

function tooMany(replicas: number): Omit<Outcome, 'able'> {
  const message = 'the desired replica count is more than the maximum replica count';
  return { replicas, limited: { isLimited: true, reason: 'TooManyReplicas', message } };
}

function tooFew(replicas: number): Omit<Outcome, 'able'> {
  const message = 'the desired replica count is less than the minimum replica count';
  return { replicas, limited: { isLimited: true, reason: 'TooFewReplicas', message } };
}

function upLimit({ behavior }: Spec, history: ScaleHistory, { current, nowMs }: Wish): number {
  const rules = behavior?.scaleUp;
  if (rules === undefined) return Math.max(DEFAULT_UP_FACTOR * current, DEFAULT_UP_PODS);
  const limits = limitsOf(rules, (policy) => {
    const start = startOfPeriod(policy, history, { current, nowMs });
    return policy.type === 'Pods' ? start + policy.value : Math.ceil(start * (1 + policy.value / 100));
  });
  const limit = rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
  return Math.max(limits.length === 0 ? current : limit, current);
}

function downLimit({ behavior }: Spec, history: ScaleHistory, { current, nowMs }: Wish): number {
  const rules = behavior?.scaleDown;
  if (rules === undefined) return 0;
  const limits = limitsOf(rules, (policy) => {
    const start = startOfPeriod(policy, history, { current, nowMs });
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100));
  });
  const limit = rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
  return Math.min(limits.length === 0 ? current : limit, current);
}

/** Empty: this way is shut. */
function limitsOf(
  { selectPolicy, policies = [] }: HPAScalingRules,
  limitOf: (policy: HPAScalingPolicy) => number,
): number[] {
  return selectPolicy === 'Disabled' ? [] : policies.map(limitOf);
}

function startOfPeriod(
  { periodSeconds }: HPAScalingPolicy,
  { ups, downs }: ScaleHistory,
  { current, nowMs }: Pick<Wish, 'current' | 'nowMs'>,
): number {
  const since = (events: readonly ScaleEvent[]): number =>
    events.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000).reduce((sum, { change }) => sum + change, 0);
  return current - since(ups) + since(downs);
}
