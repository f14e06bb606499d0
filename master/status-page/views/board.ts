/** A board from its Node and its latest reading. Pure. */
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { quantityToBytes, quantityToMillis } from '../../../shared/machinery/quantity.ts';
import { hasLittleDisk, isHot } from './board-limits.ts';
import { shorten } from './text.ts';
import type { BoardView, Level } from './view-types.ts';

/** Conditions whose other state than this asks for a look; what is not named here has a fact of its own on the tile. */
const CALM_STATUS: Readonly<Record<string, string>> = {
  MemoryPressure: 'False',
  DiskPressure: 'False',
  PIDPressure: 'False',
  NetworkUnavailable: 'False',
  'bramble.dev/Overheating': 'False',
  'bramble.dev/HeatProtection': 'False',
  'bramble.dev/MemoryLimits': 'True',
};

export function computeBoard(
  { metadata, spec, status }: Node,
  sensors: NodeSensors | undefined,
  pods: number,
): BoardView {
  const ready = getCondition(status.conditions, 'Ready');
  const capacity = status.capacity ?? {};
  const facts = {
    name: metadata.name,
    ready: ready?.status === 'True',
    reason: ready?.status === 'True' ? '' : shorten(ready?.message || 'it has not reported yet'),
    since: ready?.lastTransitionTime,
    cordoned: spec.unschedulable === true,
    model: shorten(metadata.annotations?.['bramble.dev/model'] ?? renderModel(metadata.labels?.['bramble.dev/model'])),
    system: shorten([status.nodeInfo?.osImage, status.nodeInfo?.architecture].filter(Boolean).join(', ')),
    address: status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '',
    pods,
    podCapacity: Number(capacity['pods'] ?? 0),
    cpuCapacityMillis: quantityToMillis(capacity['cpu'] ?? '0'),
    memoryCapacityBytes: quantityToBytes(capacity['memory'] ?? '0'),
    throttled: false,
    underVoltage: false,
    ...(sensors === undefined ? {} : computeReading(sensors)),
    complaints: computeComplaints(status.conditions ?? []),
  };
  return { ...facts, level: levelOf(facts) };
}

/** `raspberry-pi-4-model-b-rev-1.4`, as a label must have it, in people's words. */
export function renderModel(label = ''): string {
  return label.replaceAll('-', ' ').replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

function computeReading(sensors: NodeSensors) {
  const { usage, temperatureCelsius } = sensors;
  const cpu = usage?.['cpu'];
  const memory = usage?.['memory'];
  return {
    ...(cpu === undefined ? {} : { cpuMillis: quantityToMillis(cpu) }),
    ...(memory === undefined ? {} : { memoryUsedBytes: quantityToBytes(memory) }),
    temperatureCelsius: temperatureCelsius === undefined ? undefined : Math.round(temperatureCelsius * 10) / 10,
    throttleCelsius: sensors.throttleCelsius,
    throttled: sensors.throttled === true,
    underVoltage: sensors.underVoltage === true,
    diskAvailableBytes: sensors.diskAvailableBytes,
    diskTotalBytes: sensors.diskTotalBytes,
    diskWrittenBytes: sensors.diskWrittenBytes,
    wifiSignalDbm: sensors.wifiSignalDbm,
    wifiQualityPercent: sensors.wifiQualityPercent,
    loadAverage: sensors.loadAverage1,
    readAt: sensors.timestamp,
  };
}

function computeComplaints(conditions: readonly { type: string; status: string; message?: string }[]): string[] {
  return conditions.flatMap(({ type, status, message }) => {
    const calm = CALM_STATUS[type];
    // Unknown is what a lost board's conditions are; that it is lost is said once.
    if (calm === undefined || status === calm || status === 'Unknown') return [];
    return [shorten(`${type.replace('bramble.dev/', '')}: ${message || status}`)];
  });
}

type Facts = Omit<BoardView, 'level'>;

function levelOf(facts: Facts): Level {
  if (!facts.ready || facts.underVoltage) return 'problem';
  const asks = facts.throttled || isHot(facts) || hasLittleDisk(facts) || facts.cordoned || facts.complaints.length > 0;
  return asks ? 'warning' : 'ok';
}
