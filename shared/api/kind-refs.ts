/**
 * Kinds for programs that only ask for objects: typed names without schemas. The agent takes these and stays free of the
 * schemas and their library, some 12 MB of memory.
 */
import type { KindRef } from '../schema/define-kind.ts';
import type { CertificateSigningRequest } from './certificate-signing-request.ts';
import type { ConfigMap } from './config-map.ts';
import type { Deployment } from './deployment.ts';
import type { EndpointSlice } from './endpoint-slice.ts';
import type { Event } from './event.ts';
import type { ImagePull } from './image-pull.ts';
import type { Ingress } from './ingress.ts';
import type { IngressClass } from './ingress-class.ts';
import { KIND_NAMES } from './kind-names.ts';
import type { Lease } from './lease.ts';
import type { Namespace } from './namespace.ts';
import type { NetworkPolicy } from './network-policy.ts';
import type { Node } from './node.ts';
import type { NodeSensors } from './node-sensors.ts';
import type { PersistentVolume } from './persistent-volume.ts';
import type { PersistentVolumeClaim } from './persistent-volume-claim.ts';
import type { Pod } from './pod.ts';
import type { ReplicaSet } from './replica-set.ts';
import type { Secret } from './secret.ts';
import type { Service } from './service.ts';
import type { ServiceAccount } from './service-account.ts';

export const CertificateSigningRequestRef: KindRef<CertificateSigningRequest> = KIND_NAMES.CertificateSigningRequest;
export const ConfigMapRef: KindRef<ConfigMap> = KIND_NAMES.ConfigMap;
export const DeploymentRef: KindRef<Deployment> = KIND_NAMES.Deployment;
export const EventRef: KindRef<Event> = KIND_NAMES.Event;
export const ImagePullRef: KindRef<ImagePull> = KIND_NAMES.ImagePull;
export const LeaseRef: KindRef<Lease> = KIND_NAMES.Lease;
export const NamespaceRef: KindRef<Namespace> = KIND_NAMES.Namespace;
export const NodeSensorsRef: KindRef<NodeSensors> = KIND_NAMES.NodeSensors;
export const NodeRef: KindRef<Node> = KIND_NAMES.Node;
export const PersistentVolumeClaimRef: KindRef<PersistentVolumeClaim> = KIND_NAMES.PersistentVolumeClaim;
export const PersistentVolumeRef: KindRef<PersistentVolume> = KIND_NAMES.PersistentVolume;
export const PodRef: KindRef<Pod> = KIND_NAMES.Pod;
export const ReplicaSetRef: KindRef<ReplicaSet> = KIND_NAMES.ReplicaSet;
export const SecretRef: KindRef<Secret> = KIND_NAMES.Secret;
export const ServiceAccountRef: KindRef<ServiceAccount> = KIND_NAMES.ServiceAccount;
export const ServiceRef: KindRef<Service> = KIND_NAMES.Service;
export const EndpointSliceRef: KindRef<EndpointSlice> = KIND_NAMES.EndpointSlice;
export const IngressClassRef: KindRef<IngressClass> = KIND_NAMES.IngressClass;
export const IngressRef: KindRef<Ingress> = KIND_NAMES.Ingress;
export const NetworkPolicyRef: KindRef<NetworkPolicy> = KIND_NAMES.NetworkPolicy;
