/** What a node reports of itself. Source: Kubernetes API reference, core/v1 NodeStatus. */
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
  strings,
  time,
} from '../schema/fields.ts';
import { NodeConfigSourceSchema } from './node-spec.ts';

export const NodeAddressSchema = object('NodeAddress', 'One address of the node', {
  type: required(str(1, 'what it is, such as InternalIP or Hostname')),
  address: required(str(2, 'the address')),
});

export type NodeAddress = Static<typeof NodeAddressSchema>;

export const NodeConditionSchema = object('NodeCondition', "One aspect of a node's present state", {
  type: required(str(1, 'which aspect, such as Ready')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastHeartbeatTime: time(3, 'when it was last reported'),
  lastTransitionTime: time(4, 'when status last changed'),
  reason: str(5, 'why, in one CamelCase word'),
  message: str(6, 'why, for people'),
});

export type NodeCondition = Static<typeof NodeConditionSchema>;

export const DaemonEndpointSchema = object('DaemonEndpoint', 'Port of a program on the node', {
  Port: required(int32(1, 'number of the port', { default: 0 })),
});

export type DaemonEndpoint = Static<typeof DaemonEndpointSchema>;

export const NodeDaemonEndpointsSchema = object('NodeDaemonEndpoints', 'Ports of the programs on the node', {
  kubeletEndpoint: ref(1, DaemonEndpointSchema, 'port of the kubelet', { default: {} }),
});

export type NodeDaemonEndpoints = Static<typeof NodeDaemonEndpointsSchema>;

export const NodeSwapStatusSchema = object('NodeSwapStatus', 'Swap of the node', {
  capacity: int64(1, 'bytes of swap'),
});

export type NodeSwapStatus = Static<typeof NodeSwapStatusSchema>;

export const NodeSystemInfoSchema = object('NodeSystemInfo', 'Ids and versions of the node', {
  machineID: required(str(1, 'id of the installation, from /etc/machine-id', { default: '' })),
  systemUUID: required(str(2, 'id of the hardware', { default: '' })),
  bootID: required(str(3, 'id of this boot', { default: '' })),
  kernelVersion: required(str(4, 'version of the kernel', { default: '' })),
  osImage: required(str(5, 'name of the operating system', { default: '' })),
  containerRuntimeVersion: required(str(6, 'container runtime, such as docker://27.5.1', { default: '' })),
  kubeletVersion: required(str(7, 'version of the kubelet', { default: '' })),
  kubeProxyVersion: required(str(8, 'no longer used', { default: '' })),
  operatingSystem: required(str(9, 'linux', { default: '' })),
  architecture: required(str(10, 'such as arm64', { default: '' })),
  swap: ref(11, NodeSwapStatusSchema, 'swap of the node'),
});

export type NodeSystemInfo = Static<typeof NodeSystemInfoSchema>;

export const ContainerImageSchema = object('ContainerImage', 'An image on the node', {
  names: strings(1, 'names and digests of the image'),
  sizeBytes: int64(2, 'size of the image'),
});

export type ContainerImage = Static<typeof ContainerImageSchema>;

export const AttachedVolumeSchema = object('AttachedVolume', 'A volume attached to the node', {
  name: required(str(1, 'name of the volume')),
  devicePath: required(str(2, 'device of the volume')),
});

export type AttachedVolume = Static<typeof AttachedVolumeSchema>;

export const NodeConfigStatusSchema = object(
  'NodeConfigStatus',
  "Sources of the kubelet's configuration; no longer used",
  {
    assigned: ref(1, NodeConfigSourceSchema, 'source to use'),
    active: ref(2, NodeConfigSourceSchema, 'source in use'),
    lastKnownGood: ref(3, NodeConfigSourceSchema, 'source to fall back to'),
    error: str(4, 'problem with the source'),
  },
);

export type NodeConfigStatus = Static<typeof NodeConfigStatusSchema>;

export const NodeRuntimeHandlerFeaturesSchema = object('NodeRuntimeHandlerFeatures', 'What a runtime handler can do', {
  recursiveReadOnlyMounts: bool(1, 'recursive read-only mounts'),
  userNamespaces: bool(2, "user ids of a pod's own"),
});

export type NodeRuntimeHandlerFeatures = Static<typeof NodeRuntimeHandlerFeaturesSchema>;

export const NodeRuntimeHandlerSchema = object('NodeRuntimeHandler', 'A runtime handler of the node', {
  name: str(1, 'name of the handler; empty for the default'),
  features: ref(2, NodeRuntimeHandlerFeaturesSchema, 'what it can do'),
});

export type NodeRuntimeHandler = Static<typeof NodeRuntimeHandlerSchema>;

export const NodeFeaturesSchema = object('NodeFeatures', 'What the container runtime can do', {
  supplementalGroupsPolicy: bool(1, 'supplementalGroupsPolicy is obeyed'),
});

export type NodeFeatures = Static<typeof NodeFeaturesSchema>;

export const NodeStatusSchema = object('NodeStatus', 'What a node reports of itself', {
  capacity: quantities(1, 'amounts that the node has'),
  allocatable: quantities(2, 'amounts that pods may use'),
  phase: oneOf(3, ['Pending', 'Running', 'Terminated'], 'no longer used'),
  conditions: list(4, NodeConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
  addresses: list(5, NodeAddressSchema, 'addresses of the node', { type: 'map', mapKeys: ['type'], mergeKey: 'type' }),
  daemonEndpoints: defaulted(ref(6, NodeDaemonEndpointsSchema, 'ports of the programs on the node', { default: {} })),
  nodeInfo: defaulted(ref(7, NodeSystemInfoSchema, 'ids and versions', { default: {} })),
  images: list(8, ContainerImageSchema, 'images on the node'),
  volumesInUse: strings(9, 'volumes that pods use'),
  volumesAttached: list(10, AttachedVolumeSchema, 'volumes attached to the node'),
  config: ref(11, NodeConfigStatusSchema, 'no longer used'),
  runtimeHandlers: list(12, NodeRuntimeHandlerSchema, 'runtime handlers of the node'),
  features: ref(13, NodeFeaturesSchema, 'what the container runtime can do'),
  declaredFeatures: strings(14, 'features that the node declares'),
});

export type NodeStatus = Static<typeof NodeStatusSchema>;
