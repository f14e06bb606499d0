/**
 * Taints and tolerations: which pods a node keeps away. Scheduler, node lifecycle and kubelet judge by the same rules.
 * Source: Kubernetes, "Taints and Tolerations".
 */
export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';

export interface TaintLike {
  readonly key: string;
  readonly value?: string;
  readonly effect: TaintEffect;
}

export interface TolerationLike {
  /** Absent or empty, with operator Exists: every key. */
  readonly key?: string;
  /** Equal unless set. */
  readonly operator?: string;
  readonly value?: string;
  /** Every effect unless set. */
  readonly effect?: string;
  /** How long a NoExecute taint is borne; forever unless set. */
  readonly tolerationSeconds?: number;
}

/** The node's own words for its state, set by the node lifecycle controller. */
export const TAINT_KEYS = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
  memoryPressure: 'node.kubernetes.io/memory-pressure',
  diskPressure: 'node.kubernetes.io/disk-pressure',
  pidPressure: 'node.kubernetes.io/pid-pressure',
  networkUnavailable: 'node.kubernetes.io/network-unavailable',
  /** Set by people: the node is really dead, whatever it does later. */
  outOfService: 'node.kubernetes.io/out-of-service',
  /** Lost again and again. */
  flapping: 'bramble.dev/flapping',
} as const;

export function tolerates(toleration: TolerationLike, taint: TaintLike): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator || 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
      return toleration.key !== undefined && toleration.key !== '' && (toleration.value ?? '') === (taint.value ?? '');
    case 'Gt':
    case 'Lt':
      return comparesAs(toleration, taint);
    default:
      return false;
  }
}

/** The first taint with one of `effects` that no toleration covers. */
export function findUntoleratedTaint<T extends TaintLike>(
  taints: readonly T[],
  tolerations: readonly TolerationLike[],
  effects: readonly TaintEffect[],
): T | undefined {
  return taints.find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

const WHOLE_NUMBER = /^-?(0|[1-9]\d{0,17})$/;

/** `Gt`: the taint's value is greater than the toleration's; whole numbers only. */
function comparesAs(toleration: TolerationLike, taint: TaintLike): boolean {
  const [bound = '', value = ''] = [toleration.value, taint.value];
  if (!toleration.key || !WHOLE_NUMBER.test(bound) || !WHOLE_NUMBER.test(value)) return false;
  return toleration.operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}
