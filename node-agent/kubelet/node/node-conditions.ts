/**
 * Conditions of the node in words, without times. Pure; no reading appears in a message, so that a condition is written only
 * when it turns. Source: Kubernetes, pkg/kubelet/nodestatus/setters.go for the first four.
 */
import type { NodeCondition } from '../../../shared/api/node-status.ts';
import { BOARD_CONDITIONS, type Health, type HealthType } from './health-tracker.ts';

export const MEMORY_LIMITS_CONDITION = 'bramble.dev/MemoryLimits';

/** Conditions of our own, which go when the board can no longer tell them. */
const OWN_PREFIX = 'bramble.dev/';

export interface ConditionFacts {
  health: Health;
  throttleCelsius: number;
  /** Why the engine does not answer; undefined: it does. */
  runtimeProblem: string | undefined;
  /** The board is being switched off. */
  isShuttingDown?: boolean;
  /** Whether the kernel enforces limits on memory; undefined: the engine has not told yet. */
  memoryLimits: boolean | undefined;
}

interface Words {
  reason: string;
  message: string;
}

type Wording = (facts: ConditionFacts) => { bad: Words; good: Words };

const WORDING: Readonly<Record<HealthType, Wording>> = {
  MemoryPressure: () => ({
    bad: { reason: 'KubeletHasInsufficientMemory', message: 'kubelet has insufficient memory available' },
    good: { reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
  }),
  DiskPressure: () => ({
    bad: { reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' },
    good: { reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  }),
  PIDPressure: () => ({
    bad: { reason: 'KubeletHasInsufficientPID', message: 'kubelet has insufficient PID available' },
    good: { reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
  }),
  [BOARD_CONDITIONS.overheating]: ({ throttleCelsius }) => ({
    bad: {
      reason: 'BoardIsHot',
      message: `the CPU has reached ${throttleCelsius} °C, where this board slows itself down: give it a fan, a heat sink or less to do`,
    },
    good: { reason: 'BoardIsCool', message: `the CPU is below ${throttleCelsius} °C` },
  }),
  [BOARD_CONDITIONS.throttled]: () => ({
    bad: { reason: 'CPUIsThrottled', message: 'the board runs its CPU slower than it could, for heat or for voltage' },
    good: { reason: 'CPUIsNotThrottled', message: 'the CPU may run at its full speed' },
  }),
  [BOARD_CONDITIONS.underVoltage]: () => ({
    bad: {
      reason: 'SupplyIsWeak',
      message: 'the supply voltage is too low: use a stronger power supply, a shorter cable or fewer USB devices',
    },
    good: { reason: 'SupplyIsGood', message: 'the supply voltage is high enough' },
  }),
};

const MEMORY_LIMITS = {
  on: { reason: 'MemoryCgroupIsOn', message: 'limits on memory are enforced' },
  off: {
    reason: 'MemoryCgroupIsOff',
    message:
      'containers run without limits on memory, as the memory cgroup is off: add cgroup_enable=memory to the line in /boot/firmware/cmdline.txt and reboot',
  },
};

/** Shown first, as everywhere; our own come last. */
const ORDER: readonly HealthType[] = [
  'MemoryPressure',
  'DiskPressure',
  'PIDPressure',
  ...Object.values(BOARD_CONDITIONS),
];

export function renderConditions(facts: ConditionFacts): NodeCondition[] {
  const known = ORDER.flatMap((type) => {
    // Clients expect Kubernetes' own on every node.
    const isOn = facts.health.get(type) ?? (type.startsWith(OWN_PREFIX) ? undefined : false);
    return isOn === undefined ? [] : [{ type, isOn }];
  });
  const told: NodeCondition[] = known.map(({ type, isOn }) => {
    const { bad, good } = WORDING[type](facts);
    return { type, status: isOn ? 'True' : 'False', ...(isOn ? bad : good) };
  });
  const isOurs = ({ type }: NodeCondition): boolean => type.startsWith(OWN_PREFIX);
  return [
    ...told.filter((condition) => !isOurs(condition)),
    renderReady(facts),
    ...told.filter(isOurs),
    ...renderMemoryLimits(facts),
  ];
}

function renderReady({ runtimeProblem, isShuttingDown = false }: ConditionFacts): NodeCondition {
  if (isShuttingDown) {
    return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' };
  }
  if (runtimeProblem === undefined) {
    return { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  }
  const message = `container runtime is down: ${runtimeProblem}`;
  return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message };
}

function renderMemoryLimits({ memoryLimits }: ConditionFacts): NodeCondition[] {
  if (memoryLimits === undefined) return [];
  const words = memoryLimits ? MEMORY_LIMITS.on : MEMORY_LIMITS.off;
  return [{ type: MEMORY_LIMITS_CONDITION, status: memoryLimits ? 'True' : 'False', ...words }];
}

/** Conditions that are shown, ours, and can no longer be told: the card was put into another board, say. */
export function findStaleConditions(shown: readonly NodeCondition[], wanted: readonly NodeCondition[]): string[] {
  const told = new Set(wanted.map(({ type }) => type));
  const types = shown.map(({ type }) => type);
  return types.filter((type) => type.startsWith(OWN_PREFIX) && type !== MEMORY_LIMITS_CONDITION && !told.has(type));
}

export interface ConditionEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/**
 * What to tell of a condition that turned, in Kubernetes' form: `Node pi-1 status is now: NodeHasDiskPressure`. Nothing is told
 * of a good condition that is new: a board that starts well is no news.
 */
export function renderConditionEvent(
  node: string,
  shown: NodeCondition | undefined,
  wanted: NodeCondition,
): ConditionEvent | undefined {
  const isBad = isBadCondition(wanted);
  if (shown?.status === wanted.status || (shown === undefined && !isBad)) return undefined;
  const { reason: word = wanted.type } = wanted;
  const reason = word.startsWith('Kubelet') ? EVENT_REASON[word] : word;
  if (reason === undefined) return undefined;
  const isOurs = wanted.type.startsWith(OWN_PREFIX);
  const message = isOurs ? (wanted.message ?? '') : `Node ${node} status is now: ${reason}`;
  return { type: isBad ? 'Warning' : 'Normal', reason, message };
}

function isBadCondition({ type, status }: NodeCondition): boolean {
  return type === 'Ready' || type === MEMORY_LIMITS_CONDITION ? status !== 'True' : status === 'True';
}

/** The kubelet's events are named for the node. */
const EVENT_REASON: Readonly<Record<string, string>> = {
  KubeletHasInsufficientMemory: 'NodeHasInsufficientMemory',
  KubeletHasSufficientMemory: 'NodeHasSufficientMemory',
  KubeletHasDiskPressure: 'NodeHasDiskPressure',
  KubeletHasNoDiskPressure: 'NodeHasNoDiskPressure',
  KubeletHasInsufficientPID: 'NodeHasInsufficientPID',
  KubeletHasSufficientPID: 'NodeHasSufficientPID',
  KubeletReady: 'NodeReady',
  KubeletNotReady: 'NodeNotReady',
};
