/**
 * PodSpec: what the containers of a pod are and where they may run. Source: Kubernetes API reference, core/v1 PodSpec.
 */
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
  stringMap,
} from '../schema/fields.ts';
import { AffinitySchema } from './affinity.ts';
import { ContainerSchema, EphemeralContainerSchema } from './container.ts';
import {
  HostAliasSchema,
  PodDNSConfigSchema,
  PodOSSchema,
  PodReadinessGateSchema,
  PodResourceClaimSchema,
  PodSchedulingGateSchema,
  TolerationSchema,
  TopologySpreadConstraintSchema,
  WorkloadReferenceSchema,
} from './pod-spec-parts.ts';
import { LocalObjectReferenceSchema } from './references.ts';
import { ResourceRequirementsSchema } from './resources.ts';
import { PodSecurityContextSchema } from './security-context.ts';
import { VolumeSchema } from './volume.ts';

export const PodSpecSchema = object('PodSpec', 'What the containers of a pod are and where they may run', {
  volumes: list(1, VolumeSchema, 'directories that the containers mount', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
    strategy: 'merge,retainKeys',
  }),
  initContainers: list(
    20,
    ContainerSchema,
    'run one after the other before the containers; those with restartPolicy Always keep running',
    { type: 'map', mapKeys: ['name'], mergeKey: 'name' },
  ),
  containers: required(
    list(2, ContainerSchema, 'the containers; at least one', { type: 'map', mapKeys: ['name'], mergeKey: 'name' }),
  ),
  ephemeralContainers: list(34, EphemeralContainerSchema, 'containers added to a running pod to look at it', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
  }),
  restartPolicy: defaulted(
    oneOf(3, ['Always', 'OnFailure', 'Never'], 'which ended containers start again', { default: 'Always' }),
  ),
  terminationGracePeriodSeconds: defaulted(int64(4, 'seconds between the stop signal and the kill', { default: 30 })),
  activeDeadlineSeconds: int64(5, 'the pod fails when it runs longer than this'),
  dnsPolicy: defaulted(
    oneOf(6, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'], 'which name servers the pod asks', {
      default: 'ClusterFirst',
    }),
  ),
  nodeSelector: stringMap(7, 'labels that the node must have', { atomic: true }),
  serviceAccountName: str(8, "the identity of the pod's processes"),
  serviceAccount: str(9, 'old name of serviceAccountName'),
  automountServiceAccountToken: bool(21, 'whether a token is mounted into the containers'),
  nodeName: str(10, 'the node, once the pod is placed'),
  hostNetwork: bool(11, "use the node's network"),
  hostPID: bool(12, "see the node's processes"),
  hostIPC: bool(13, "use the node's interprocess communication"),
  shareProcessNamespace: bool(27, "the containers see each other's processes"),
  securityContext: defaulted(ref(14, PodSecurityContextSchema, 'rights of all containers', { default: {} })),
  imagePullSecrets: list(15, LocalObjectReferenceSchema, 'Secrets with registry credentials', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
  }),
  hostname: str(16, 'host name inside the pod'),
  subdomain: str(17, "domain of the pod below the namespace's"),
  affinity: ref(18, AffinitySchema, 'wishes and demands about the place'),
  schedulerName: defaulted(str(19, 'who places the pod', { default: 'default-scheduler' })),
  tolerations: list(22, TolerationSchema, 'taints that do not keep the pod away'),
  hostAliases: list(23, HostAliasSchema, 'further lines of /etc/hosts', {
    type: 'map',
    mapKeys: ['ip'],
    mergeKey: 'ip',
  }),
  priorityClassName: str(24, 'class that gives the priority'),
  priority: int32(25, 'pods of higher priority are placed first'),
  dnsConfig: ref(26, PodDNSConfigSchema, "the pod's resolver"),
  readinessGates: list(28, PodReadinessGateSchema, 'further conditions that readiness waits for'),
  runtimeClassName: str(29, 'class of container runtime'),
  enableServiceLinks: bool(30, 'whether services appear as environment variables'),
  preemptionPolicy: oneOf(31, ['PreemptLowerPriority', 'Never'], 'whether pods of lower priority make room'),
  overhead: quantities(32, 'amounts that the sandbox itself needs'),
  topologySpreadConstraints: list(33, TopologySpreadConstraintSchema, 'how like pods spread over groups of nodes', {
    type: 'map',
    mapKeys: ['topologyKey', 'whenUnsatisfiable'],
    mergeKey: 'topologyKey',
  }),
  setHostnameAsFQDN: bool(35, 'the host name is the full domain name'),
  os: ref(36, PodOSSchema, 'operating system of the containers'),
  hostUsers: bool(37, 'false gives the pod user ids of its own'),
  schedulingGates: list(38, PodSchedulingGateSchema, 'the pod waits while this list is not empty', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
  }),
  resourceClaims: list(39, PodResourceClaimSchema, 'claims of devices', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
    strategy: 'merge,retainKeys',
  }),
  resources: ref(40, ResourceRequirementsSchema, 'amounts of the pod as a whole'),
  hostnameOverride: str(41, 'host name inside the pod, before every other rule'),
  workloadRef: ref(42, WorkloadReferenceSchema, 'the workload that the pod is placed together with'),
});

export type PodSpec = Static<typeof PodSpecSchema>;
