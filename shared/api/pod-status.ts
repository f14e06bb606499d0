/**
 * PodStatus: what the kubelet and the scheduler report of a pod. Source: Kubernetes API reference, core/v1 PodStatus.
 */
import type { Static } from 'typebox';
import { defaulted, int64, list, object, oneOf, quantities, ref, required, str, time } from '../schema/fields.ts';
import { ContainerStatusSchema } from './container-status.ts';
import { ResourceRequirementsSchema } from './resources.ts';

export const PodConditionSchema = object('PodCondition', "One aspect of a pod's present state", {
  type: required(str(1, 'which aspect, such as Ready')),
  observedGeneration: int64(7, 'generation of the pod that this was judged by'),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastProbeTime: time(3, 'when it was last looked at'),
  lastTransitionTime: time(4, 'when status last changed'),
  reason: str(5, 'why, in one CamelCase word'),
  message: str(6, 'why, for people'),
});

export type PodCondition = Static<typeof PodConditionSchema>;

export const HostIPSchema = object('HostIP', 'An address of the node', {
  ip: required(str(1, 'the address')),
});

export type HostIP = Static<typeof HostIPSchema>;

export const PodIPSchema = object('PodIP', 'An address of the pod', {
  ip: required(str(1, 'the address')),
});

export type PodIP = Static<typeof PodIPSchema>;

export const PodResourceClaimStatusSchema = object('PodResourceClaimStatus', 'The claim that was made for the pod', {
  name: required(str(1, "name of the pod's claim")),
  resourceClaimName: str(2, 'name of the claim object'),
});

export type PodResourceClaimStatus = Static<typeof PodResourceClaimStatusSchema>;

export const ContainerExtendedResourceRequestSchema = object(
  'ContainerExtendedResourceRequest',
  "Which request of a claim serves a container's extended resource",
  {
    containerName: required(str(1, 'name of the container')),
    resourceName: required(str(2, 'name of the extended resource')),
    requestName: required(str(3, 'name of the request')),
  },
);

export type ContainerExtendedResourceRequest = Static<typeof ContainerExtendedResourceRequestSchema>;

export const PodExtendedResourceClaimStatusSchema = object(
  'PodExtendedResourceClaimStatus',
  "The claim that serves the pod's extended resources",
  {
    requestMappings: required(list(1, ContainerExtendedResourceRequestSchema, 'which request serves which container')),
    resourceClaimName: required(str(2, 'name of the claim object')),
  },
);

export type PodExtendedResourceClaimStatus = Static<typeof PodExtendedResourceClaimStatusSchema>;

export const PodStatusSchema = object('PodStatus', 'What is known of a running pod', {
  observedGeneration: int64(17, 'generation of the pod that this status is about'),
  phase: defaulted(
    oneOf(1, ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'], 'where the pod is in its life', {
      default: 'Pending',
    }),
  ),
  conditions: list(2, PodConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
  message: str(3, 'why the pod is in this phase, for people'),
  reason: str(4, 'why, in one CamelCase word, such as Evicted'),
  nominatedNodeName: str(11, 'node on which room is being made for the pod'),
  hostIP: str(5, 'address of the node'),
  hostIPs: list(16, HostIPSchema, 'addresses of the node', { mergeKey: 'ip' }),
  podIP: str(6, 'address of the pod'),
  podIPs: list(12, PodIPSchema, 'addresses of the pod', { type: 'map', mapKeys: ['ip'], mergeKey: 'ip' }),
  startTime: time(7, 'when the kubelet first saw the pod'),
  initContainerStatuses: list(10, ContainerStatusSchema, 'the init containers, in order'),
  containerStatuses: list(8, ContainerStatusSchema, 'the containers'),
  ephemeralContainerStatuses: list(13, ContainerStatusSchema, 'the ephemeral containers'),
  qosClass: defaulted(oneOf(9, ['Guaranteed', 'Burstable', 'BestEffort'], 'how safe the pod is when memory runs out')),
  resize: str(14, 'state of a wanted change of amounts'),
  resourceClaimStatuses: list(15, PodResourceClaimStatusSchema, 'claims made for the pod', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
    strategy: 'merge,retainKeys',
  }),
  extendedResourceClaimStatus: ref(18, PodExtendedResourceClaimStatusSchema, 'claim that serves extended resources'),
  allocatedResources: quantities(19, 'amounts that the node keeps for the pod'),
  resources: ref(20, ResourceRequirementsSchema, 'amounts that are in force for the pod as a whole'),
});

export type PodStatus = Static<typeof PodStatusSchema>;
