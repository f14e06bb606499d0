/** What can be wrong with boards, pods and the master, from what is known of them now. Pure. */
import { type Node, NodeKind } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { type EventSubject, subjectOf } from '../../../shared/client/event-recorder.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import type { AlertName, Signal } from './alert.ts';

/** Degrees below the point at which the board slows itself down: bad from the first on, good again below the second. */
const HOT_MARGIN_CELSIUS = 3;
const COOL_MARGIN_CELSIUS = 8;

/** The point of boards that do not tell theirs. */
const DEFAULT_THROTTLE_CELSIUS = 80;

/** Free shares of the disk. */
const FULL_SHARE = 0.1;
const ROOMY_SHARE = 0.15;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Certificates are renewed long before; who still has so little left has a problem with renewing. */
const CERTIFICATE_BAD_MS = 14 * DAY_MS;
const CERTIFICATE_GOOD_MS = 21 * DAY_MS;

/** The first crashes may be those of a start in the wrong order. */
const CRASH_LOOP_RESTARTS = 3;

/** A container that has run for so long does not crash in a loop. */
const STEADY_MS = 5 * 60_000;

export interface CertificateEnd {
  subject: EventSubject;
  /** `the certificate of the agent`, to go on with "ends on". */
  what: string;
  endMs: number;
}

export interface World {
  nodes: readonly Node[];
  sensors: readonly NodeSensors[];
  pods: readonly Pod[];
  certificates: readonly CertificateEnd[];
  /** Why the last snapshot failed; undefined: it did not, or there was none. */
  snapshotProblem: string | undefined;
  nowMs: number;
}

/** What the master's own alerts are about: there is no object for a master. */
export const MASTER_SUBJECT: EventSubject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'kube-system', uid: '' },
};

export function computeSignals(world: World): Signal[] {
  const sensors = new Map(world.sensors.map((one) => [one.metadata.name, one]));
  return [
    ...world.nodes.flatMap((node) => boardSignals(node, sensors.get(node.metadata.name))),
    ...world.pods.flatMap((pod) => crashSignals(pod, world.nowMs)),
    ...world.certificates.map((certificate) => certificateSignal(certificate, world.nowMs)),
    snapshotSignal(world.snapshotProblem),
  ];
}

function boardSignals(node: Node, sensors: NodeSensors | undefined): Signal[] {
  const subject = subjectOf(NodeKind, node);
  const ready = getCondition(node.status.conditions, 'Ready');
  const isLost = ready?.status === 'Unknown';
  const lost = judge('BoardLost', subject, {
    level: isLost ? 'bad' : 'good',
    message: isLost ? `the board does not answer: ${ready?.message || 'its link is down'}` : 'the board answers again',
  });
  // Nobody knows how warm a board is that does not answer: what was firing stays so.
  if (isLost || sensors === undefined) return [lost, ...silentReadings(subject)];
  return [lost, heatSignal(subject, sensors), voltageSignal(subject, sensors), diskSignal(subject, sensors)];
}

type Judgement = Pick<Signal, 'level' | 'message'>;

function judge(name: AlertName, subject: EventSubject, judgement: Judgement): Signal {
  return { name, subject, ...judgement };
}

const READINGS: readonly AlertName[] = ['BoardHot', 'UnderVoltage', 'DiskNearlyFull'];

function silentReadings(subject: EventSubject): Signal[] {
  return READINGS.map((name) => judge(name, subject, { level: 'between', message: 'the board does not tell' }));
}

function heatSignal(subject: EventSubject, { temperatureCelsius, throttleCelsius }: NodeSensors): Signal {
  const limit = throttleCelsius ?? DEFAULT_THROTTLE_CELSIUS;
  const celsius = temperatureCelsius ?? 0;
  const message = `${celsius.toFixed(1)} °C; it slows itself down at ${limit} °C`;
  const thresholds = { bad: limit - HOT_MARGIN_CELSIUS, good: limit - COOL_MARGIN_CELSIUS };
  return judge('BoardHot', subject, { level: levelAbove(celsius, thresholds), message });
}

function voltageSignal(subject: EventSubject, { underVoltage }: NodeSensors): Signal {
  return underVoltage
    ? judge('UnderVoltage', subject, {
        level: 'bad',
        message: 'the supply voltage is too low: a stronger power supply, or a shorter cable',
      })
    : judge('UnderVoltage', subject, { level: 'good', message: 'the supply voltage is fine' });
}

function diskSignal(subject: EventSubject, { diskTotalBytes = 0, diskAvailableBytes = 0 }: NodeSensors): Signal {
  const free = diskTotalBytes > 0 ? diskAvailableBytes / diskTotalBytes : 1;
  const message = `${(free * 100).toFixed(0)} % of its disk are free`;
  const level = levelAbove(-free, { bad: -FULL_SHARE, good: -ROOMY_SHARE });
  return judge('DiskNearlyFull', subject, { level, message });
}

/** The larger the worse: bad from one threshold on, good again below the other. */
function levelAbove(value: number, thresholds: { bad: number; good: number }): Signal['level'] {
  if (value >= thresholds.bad) return 'bad';
  return value <= thresholds.good ? 'good' : 'between';
}

function certificateSignal({ subject, what, endMs }: CertificateEnd, nowMs: number): Signal {
  const level = levelAbove(nowMs - endMs, { bad: -CERTIFICATE_BAD_MS, good: -CERTIFICATE_GOOD_MS });
  const day = new Date(endMs).toISOString().slice(0, 10);
  return judge('CertificateNearEnd', subject, { level, message: `${what} ends on ${day}` });
}

function snapshotSignal(problem: string | undefined): Signal {
  return problem === undefined
    ? judge('SnapshotFailed', MASTER_SUBJECT, { level: 'good', message: 'a snapshot was taken' })
    : judge('SnapshotFailed', MASTER_SUBJECT, { level: 'bad', message: problem });
}

function crashSignals(pod: Pod, nowMs: number): Signal[] {
  const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  const restarting = statuses.filter(({ restartCount }) => restartCount >= CRASH_LOOP_RESTARTS);
  if (restarting.length === 0) return [];
  const subject = subjectOf(PodKind, pod);
  const waiting = restarting.find(({ state }) => state.waiting?.reason === 'CrashLoopBackOff');
  if (waiting !== undefined) {
    const message = `container ${waiting.name} ended again, ${waiting.restartCount} restarts: bramble logs -p ${pod.metadata.name}`;
    return [judge('CrashLoop', subject, { level: 'bad', message })];
  }
  const isSteady = restarting.every(({ state }) => nowMs - (parseTime(state.running?.startedAt) ?? nowMs) >= STEADY_MS);
  const isOver = isSteady || restarting.every(({ state }) => state.terminated?.exitCode === 0);
  return [judge('CrashLoop', subject, { level: isOver ? 'good' : 'between', message: 'its containers run' })];
}
