/** The smaller parts of a pod's spec. Source: Kubernetes API reference, core/v1 PodSpec. */
import type { Static } from 'typebox';
import { int32, int64, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';

export const TolerationSchema = object('Toleration', 'Lets a pod onto nodes with matching taints', {
  key: str(1, 'key of the taint; every key unless set'),
  operator: oneOf(2, ['Exists', 'Equal', 'Lt', 'Gt'], "how the taint's value is compared; Equal unless set"),
  value: str(3, 'value of the taint'),
  effect: oneOf(4, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], 'effect of the taint; every effect unless set'),
  tolerationSeconds: int64(5, 'how long the pod stays on a NoExecute taint; forever unless set'),
});

export type Toleration = Static<typeof TolerationSchema>;

export const TopologySpreadConstraintSchema = object(
  'TopologySpreadConstraint',
  'Spreads like pods evenly over groups of nodes',
  {
    maxSkew: required(int32(1, 'most that the fullest group may exceed the emptiest')),
    topologyKey: required(str(2, 'nodes with the same value of this label are one group')),
    whenUnsatisfiable: required(oneOf(3, ['DoNotSchedule', 'ScheduleAnyway'], 'whether it is a demand or a wish')),
    labelSelector: ref(4, LabelSelectorSchema, 'labels of the pods that are counted'),
    minDomains: int32(5, 'fewer groups than this count as an empty one'),
    nodeAffinityPolicy: oneOf(6, ['Honor', 'Ignore'], "whether only nodes that the pod's affinity allows are counted"),
    nodeTaintsPolicy: oneOf(7, ['Honor', 'Ignore'], 'whether only nodes whose taints the pod tolerates are counted'),
    matchLabelKeys: strings(8, "labels whose value must be the same as the pod's own"),
  },
);

export type TopologySpreadConstraint = Static<typeof TopologySpreadConstraintSchema>;

export const HostAliasSchema = object('HostAlias', 'One line of /etc/hosts', {
  ip: required(str(1, 'address')),
  hostnames: strings(2, 'names of the address'),
});

export type HostAlias = Static<typeof HostAliasSchema>;

export const PodDNSConfigOptionSchema = object('PodDNSConfigOption', 'One option of the resolver', {
  name: str(1, 'name of the option'),
  value: str(2, 'value of the option'),
});

export type PodDNSConfigOption = Static<typeof PodDNSConfigOptionSchema>;

export const PodDNSConfigSchema = object('PodDNSConfig', "The pod's resolver, beside what dnsPolicy gives", {
  nameservers: strings(1, 'addresses of name servers'),
  searches: strings(2, 'domains to search'),
  options: list(3, PodDNSConfigOptionSchema, 'options of the resolver'),
});

export type PodDNSConfig = Static<typeof PodDNSConfigSchema>;

export const PodReadinessGateSchema = object(
  'PodReadinessGate',
  'A condition that somebody else sets and that readiness waits for',
  {
    conditionType: required(str(1, 'type of the condition')),
  },
);

export type PodReadinessGate = Static<typeof PodReadinessGateSchema>;

export const PodSchedulingGateSchema = object(
  'PodSchedulingGate',
  'The pod is not placed while one of these is present',
  {
    name: required(str(1, 'name of the gate')),
  },
);

export type PodSchedulingGate = Static<typeof PodSchedulingGateSchema>;

export const PodOSSchema = object('PodOS', 'The operating system that the pod needs', {
  name: required(oneOf(1, ['linux', 'windows'], 'name of the system')),
});

export type PodOS = Static<typeof PodOSSchema>;

export const PodResourceClaimSchema = object('PodResourceClaim', 'A claim of devices; one source is set', {
  name: required(str(1, 'name that containers refer to')),
  resourceClaimName: str(3, 'an existing claim'),
  resourceClaimTemplateName: str(4, 'template of a claim that is made for the pod'),
});

export type PodResourceClaim = Static<typeof PodResourceClaimSchema>;

export const WorkloadReferenceSchema = object(
  'WorkloadReference',
  'The workload that the pod is placed together with',
  {
    name: required(str(1, 'name of the workload')),
    podGroup: required(str(2, 'group of pods in the workload')),
    podGroupReplicaKey: str(3, 'which replica of the group'),
  },
);

export type WorkloadReference = Static<typeof WorkloadReferenceSchema>;
