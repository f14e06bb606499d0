/**
 * What a Service wants and has: its ports, addresses and policies. Source: Kubernetes API reference, core/v1
 * ServiceSpec.
 */
import type { Static } from 'typebox';
import {
  bool,
  defaulted,
  int32,
  intOrString,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  stringMap,
  strings,
} from '../schema/fields.ts';
import { ConditionSchema } from './condition.ts';

export const ServicePortSchema = object('ServicePort', 'One port of the service', {
  name: str(1, 'name of the port; needed when there are several'),
  protocol: defaulted(oneOf(2, ['TCP', 'UDP', 'SCTP'], 'protocol of the port', { default: 'TCP' })),
  appProtocol: str(6, 'what is spoken on the port'),
  port: required(int32(3, "number of the service's port")),
  targetPort: intOrString(4, "number or name of the pods' port; the same number unless set"),
  nodePort: int32(5, 'number of the port on every node'),
});

export type ServicePort = Static<typeof ServicePortSchema>;

export const ClientIPConfigSchema = object('ClientIPConfig', 'How long a client stays with its pod', {
  timeoutSeconds: int32(1, 'seconds after the last connection'),
});

export type ClientIPConfig = Static<typeof ClientIPConfigSchema>;

export const SessionAffinityConfigSchema = object('SessionAffinityConfig', 'Settings of session affinity', {
  clientIP: ref(1, ClientIPConfigSchema, 'for affinity by client address'),
});

export type SessionAffinityConfig = Static<typeof SessionAffinityConfigSchema>;

export const ServiceSpecSchema = object('ServiceSpec', 'What is wanted', {
  ports: list(1, ServicePortSchema, 'ports of the service', {
    type: 'map',
    mapKeys: ['port', 'protocol'],
    mergeKey: 'port',
  }),
  selector: stringMap(2, 'labels of the pods behind it', { atomic: true }),
  clusterIP: str(3, 'address inside the cluster; None for a headless service; cannot change'),
  clusterIPs: strings(18, 'addresses inside the cluster, one an address family'),
  type: defaulted(
    oneOf(4, ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], 'who can reach it', { default: 'ClusterIP' }),
  ),
  externalIPs: strings(5, 'further addresses that lead here'),
  sessionAffinity: defaulted(
    oneOf(7, ['None', 'ClientIP'], 'whether a client stays with its pod', { default: 'None' }),
  ),
  loadBalancerIP: str(8, 'wanted address of the load balancer'),
  loadBalancerSourceRanges: strings(9, 'clients that the load balancer lets in'),
  externalName: str(10, 'domain name that the service stands for'),
  externalTrafficPolicy: oneOf(11, ['Cluster', 'Local'], 'whether traffic from outside may cross nodes'),
  healthCheckNodePort: int32(12, 'port that tells a load balancer whether the node has pods'),
  publishNotReadyAddresses: bool(13, 'pods that are not ready count too'),
  sessionAffinityConfig: ref(14, SessionAffinityConfigSchema, 'settings of session affinity'),
  ipFamilies: strings(19, 'address families, such as IPv4'),
  ipFamilyPolicy: oneOf(
    17,
    ['SingleStack', 'PreferDualStack', 'RequireDualStack'],
    'whether one or two address families are wanted',
  ),
  allocateLoadBalancerNodePorts: bool(20, 'whether a load balancer needs node ports'),
  loadBalancerClass: str(21, 'who provides the load balancer'),
  internalTrafficPolicy: oneOf(22, ['Cluster', 'Local'], 'whether traffic from inside may cross nodes'),
  trafficDistribution: oneOf(23, ['PreferClose', 'PreferSameZone', 'PreferSameNode'], 'wish for near pods'),
});

export type ServiceSpec = Static<typeof ServiceSpecSchema>;

export const PortStatusSchema = object('PortStatus', 'State of one port of a load balancer', {
  port: required(int32(1, 'number of the port')),
  protocol: required(oneOf(2, ['TCP', 'UDP', 'SCTP'], 'protocol of the port')),
  error: str(3, 'problem with the port'),
});

export type PortStatus = Static<typeof PortStatusSchema>;

export const LoadBalancerIngressSchema = object('LoadBalancerIngress', 'One address of a load balancer', {
  ip: str(1, 'the address'),
  hostname: str(2, 'the name, instead of an address'),
  ipMode: oneOf(3, ['VIP', 'Proxy'], 'whether packets arrive with the address as destination'),
  ports: list(4, PortStatusSchema, 'state of the ports'),
});

export type LoadBalancerIngress = Static<typeof LoadBalancerIngressSchema>;

export const LoadBalancerStatusSchema = object('LoadBalancerStatus', 'Addresses of a load balancer', {
  ingress: list(1, LoadBalancerIngressSchema, 'the addresses'),
});

export type LoadBalancerStatus = Static<typeof LoadBalancerStatusSchema>;

export const ServiceStatusSchema = object('ServiceStatus', 'What has been reached', {
  loadBalancer: defaulted(ref(1, LoadBalancerStatusSchema, 'addresses of the load balancer', { default: {} })),
  conditions: list(2, ConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
});

export type ServiceStatus = Static<typeof ServiceStatusSchema>;
