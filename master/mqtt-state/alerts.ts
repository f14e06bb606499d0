/** What asks for a person, as it is now: from conditions, which have their own hysteresis. Pure. */
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';

export interface Alert {
  alert: string;
  severity: 'warning' | 'critical';
  kind: 'Node' | 'Pod';
  namespace?: string;
  name: string;
  message: string;
  since?: string;
}

/** Conditions of a Node: `Ready` asks when it is not true, the others when they are. */
const NODE_ALERTS: readonly { type: string; alert: string; severity: Alert['severity']; says: string }[] = [
  { type: 'Ready', alert: 'board-lost', severity: 'critical', says: 'the board is not ready' },
  { type: 'bramble.dev/Overheating', alert: 'hot', severity: 'warning', says: 'the board is too hot' },
  { type: 'bramble.dev/UnderVoltage', alert: 'under-voltage', severity: 'warning', says: 'the supply voltage is low' },
  { type: 'DiskPressure', alert: 'disk-full', severity: 'warning', says: 'the disk is nearly full' },
  { type: 'MemoryPressure', alert: 'memory-full', severity: 'warning', says: 'the memory is nearly full' },
];

export function computeNodeAlerts({ metadata, status }: Node): Alert[] {
  return NODE_ALERTS.flatMap(({ type, alert, severity, says }) => {
    const condition = status.conditions?.find((one) => one.type === type);
    const asks =
      type === 'Ready' ? condition !== undefined && condition.status !== 'True' : condition?.status === 'True';
    if (!asks || condition === undefined) return [];
    const { message, lastTransitionTime } = condition;
    const about = { alert, severity, kind: 'Node' as const, name: metadata.name, message: message || says };
    return [{ ...about, ...(lastTransitionTime ? { since: lastTransitionTime } : {}) }];
  });
}

const CRASH_LOOP = 'CrashLoopBackOff';

export function computePodAlerts({ metadata, status }: Pod): Alert[] {
  const { name, namespace = '' } = metadata;
  const crashing = status.containerStatuses?.find(({ state }) => state?.waiting?.reason === CRASH_LOOP);
  if (crashing === undefined) return [];
  const message = `the container ${crashing.name} ends again and again: ${crashing.state?.waiting?.message ?? CRASH_LOOP}`;
  return [{ alert: 'crash-loop', severity: 'warning', kind: 'Pod', namespace, name, message }];
}
