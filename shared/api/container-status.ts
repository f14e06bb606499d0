/** What the kubelet reports of one container. Source: Kubernetes API reference, core/v1 ContainerStatus. */
import type { Static } from 'typebox';
import {
  bool,
  defaulted,
  int32,
  int64,
  list,
  object,
  oneOf,
  quantities,
  ref,
  required,
  str,
  time,
} from '../schema/fields.ts';
import { ResourceRequirementsSchema } from './resources.ts';

export const ContainerStateWaitingSchema = object('ContainerStateWaiting', 'The container does not run yet', {
  reason: str(1, 'why, in one CamelCase word'),
  message: str(2, 'why, for people'),
});

export type ContainerStateWaiting = Static<typeof ContainerStateWaitingSchema>;

export const ContainerStateRunningSchema = object('ContainerStateRunning', 'The container runs', {
  startedAt: time(1, 'since when'),
});

export type ContainerStateRunning = Static<typeof ContainerStateRunningSchema>;

export const ContainerStateTerminatedSchema = object('ContainerStateTerminated', 'The container has ended', {
  exitCode: required(int32(1, 'exit code of its first process')),
  signal: int32(2, 'signal that ended it'),
  reason: str(3, 'why, in one CamelCase word'),
  message: str(4, 'why, for people; also what it wrote to its termination message file'),
  startedAt: time(5, 'when it had started'),
  finishedAt: time(6, 'when it ended'),
  containerID: str(7, "the runtime's id, such as docker://abc"),
});

export type ContainerStateTerminated = Static<typeof ContainerStateTerminatedSchema>;

export const ContainerStateSchema = object('ContainerState', 'Exactly one is set; none counts as waiting', {
  waiting: ref(1, ContainerStateWaitingSchema, 'it does not run yet'),
  running: ref(2, ContainerStateRunningSchema, 'it runs'),
  terminated: ref(3, ContainerStateTerminatedSchema, 'it has ended'),
});

export type ContainerState = Static<typeof ContainerStateSchema>;

export const VolumeMountStatusSchema = object('VolumeMountStatus', 'How a volume was really mounted', {
  name: required(str(1, 'name of the volume')),
  mountPath: required(str(2, 'where it appears')),
  readOnly: bool(3, 'whether writes are refused'),
  recursiveReadOnly: oneOf(4, ['Disabled', 'IfPossible', 'Enabled'], 'whether mounts below are read-only too'),
});

export type VolumeMountStatus = Static<typeof VolumeMountStatusSchema>;

export const LinuxContainerUserSchema = object('LinuxContainerUser', 'User and groups of the first process', {
  uid: required(int64(1, 'user id')),
  gid: required(int64(2, 'group id')),
  supplementalGroups: list(3, required(int64(undefined, 'one group id')), 'further group ids'),
});

export type LinuxContainerUser = Static<typeof LinuxContainerUserSchema>;

export const ContainerUserSchema = object('ContainerUser', 'Who the first process really runs as', {
  linux: ref(1, LinuxContainerUserSchema, 'on Linux'),
});

export type ContainerUser = Static<typeof ContainerUserSchema>;

export const ResourceHealthSchema = object('ResourceHealth', 'Health of one device', {
  resourceID: required(str(1, 'id of the device')),
  health: str(2, 'Healthy, Unhealthy or Unknown'),
});

export type ResourceHealth = Static<typeof ResourceHealthSchema>;

export const ResourceStatusSchema = object('ResourceStatus', 'Devices of one resource', {
  name: required(str(1, 'name of the resource')),
  resources: list(2, ResourceHealthSchema, 'the devices', { type: 'map', mapKeys: ['resourceID'] }),
});

export type ResourceStatus = Static<typeof ResourceStatusSchema>;

export const ContainerStatusSchema = object('ContainerStatus', 'What one container does', {
  name: required(str(1, 'name of the container')),
  state: defaulted(ref(2, ContainerStateSchema, 'what it does now', { default: {} })),
  lastState: defaulted(ref(3, ContainerStateSchema, 'how its previous run ended', { default: {} })),
  ready: required(bool(4, 'whether it is ready for requests')),
  restartCount: required(int32(5, 'how often it was started again')),
  image: required(str(6, 'image that runs')),
  imageID: required(str(7, 'digest of that image')),
  containerID: str(8, "the runtime's id, such as docker://abc"),
  started: bool(9, 'whether it has passed its startup probe'),
  allocatedResources: quantities(10, 'amounts that the node keeps for it'),
  resources: ref(11, ResourceRequirementsSchema, 'amounts that are in force'),
  volumeMounts: list(12, VolumeMountStatusSchema, 'how its volumes were mounted', {
    type: 'map',
    mapKeys: ['mountPath'],
    mergeKey: 'mountPath',
  }),
  user: ref(13, ContainerUserSchema, 'who its first process runs as'),
  allocatedResourcesStatus: list(14, ResourceStatusSchema, 'devices given to it', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
  }),
  stopSignal: str(15, 'signal that stops it'),
});

export type ContainerStatus = Static<typeof ContainerStatusSchema>;
