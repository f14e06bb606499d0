/**
 * NodeSensors: the latest reading of one board, as its agent reports it. Kept in memory only; scheduler, metrics API, status
 * page and `kubectl get nodes -o wide` read it. The name is the node's name.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  bool,
  defaulted,
  double,
  int32,
  int64,
  list,
  object,
  quantities,
  ref,
  required,
  str,
  time,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';

const ContainerUsage = object('ContainerUsage', 'What one container uses', {
  name: required(str(undefined, 'name of the container')),
  usage: defaulted(quantities(undefined, 'cpu and memory in use')),
});

const PodUsage = object('PodUsage', 'What one pod uses', {
  namespace: required(str(undefined, 'namespace of the pod')),
  name: required(str(undefined, 'name of the pod')),
  uid: required(str(undefined, 'uid of the pod')),
  containers: defaulted(list(undefined, ContainerUsage, 'usage by container')),
});

export const NodeSensorsSchema = object('NodeSensors', 'The latest reading of a board', {
  apiVersion: defaulted(str(undefined, 'always bramble.dev/v1')),
  kind: defaulted(str(undefined, 'always NodeSensors')),
  metadata: defaulted(ref(undefined, ObjectMetaSchema, 'name of the node', { default: {} })),
  timestamp: defaulted(time(undefined, 'when the reading was taken, by the clock of the board')),
  /** Absent readings mean that the board has no such sensor. */
  usage: defaulted(quantities(undefined, 'cpu and memory in use on the whole board')),
  memoryAvailableBytes: int64(undefined, 'memory that could be given to new programs'),
  loadAverage1: double(undefined, 'processes running or waiting, averaged over a minute'),
  temperatureCelsius: double(undefined, 'temperature of the CPU'),
  throttleCelsius: double(undefined, 'temperature at which this board slows itself down'),
  throttled: bool(undefined, 'the board slows itself down right now'),
  underVoltage: bool(undefined, 'the supply voltage is too low right now'),
  diskTotalBytes: int64(undefined, 'size of the file system that holds images and containers'),
  diskAvailableBytes: int64(undefined, 'free space there'),
  diskWrittenBytes: int64(undefined, "written to the board's disks since boot: what wears out an SD card"),
  networkReceivedBytes: int64(undefined, "received through the board's own interfaces since boot"),
  networkSentBytes: int64(undefined, 'sent there'),
  wifiSignalDbm: int32(undefined, 'strength of the Wi-Fi signal; absent without Wi-Fi'),
  wifiQualityPercent: int32(undefined, 'quality of the Wi-Fi link'),
  processes: int32(undefined, 'processes and threads that there are'),
  pods: list(undefined, PodUsage, 'usage of the pods on the board'),
});

export type NodeSensors = Static<typeof NodeSensorsSchema>;

export const NodeSensorsKind = defineKind<NodeSensors>(KIND_NAMES.NodeSensors, {
  singular: 'nodesensors',
  schema: NodeSensorsSchema,
  durability: () => 'memory',
  columns: [
    nameColumn(),
    {
      name: 'Temperature',
      type: 'string',
      description: 'temperature of the CPU in degrees Celsius',
      value: ({ temperatureCelsius }) =>
        temperatureCelsius === undefined ? '<unknown>' : `${temperatureCelsius.toFixed(1)}°C`,
    },
    {
      name: 'CPU',
      type: 'string',
      description: 'CPU in use',
      value: ({ usage }) => usage?.['cpu'] ?? '<unknown>',
    },
    {
      name: 'Memory',
      type: 'string',
      description: 'memory in use',
      value: ({ usage }) => usage?.['memory'] ?? '<unknown>',
    },
    ageColumn(),
  ],
});
