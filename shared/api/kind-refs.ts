/**
 * Kinds for programs that only ask for objects: typed names without schemas. The agent takes these and stays free of the
 * schemas and their library, some 12 MB of memory.
 */
import type { KindRef } from '../schema/define-kind.ts';
import type { CertificateSigningRequest } from './certificate-signing-request.ts';
import type { ConfigMap } from './config-map.ts';
import type { ControllerRevision } from './controller-revision.ts';
import type { CronJob } from './cron-job.ts';
import type { DaemonSet } from './daemon-set.ts';
import type { Deployment } from './deployment.ts';
import type { Event } from './event.ts';
import type { ImageInfo } from './image-info.ts';
import type { ImagePull } from './image-pull.ts';
import type { Job } from './job.ts';
import { KIND_NAMES } from './kind-names.ts';
import type { Lease } from './lease.ts';
import type { Namespace } from './namespace.ts';
import type { Node } from './node.ts';
import type { NodeSensors } from './node-sensors.ts';
import type { PersistentVolume } from './persistent-volume.ts';
import type { PersistentVolumeClaim } from './persistent-volume-claim.ts';
import type { Pod } from './pod.ts';
import type { ReplicaSet } from './replica-set.ts';
import type { Secret } from './secret.ts';
import type { Service } from './service.ts';
import type { ServiceAccount } from './service-account.ts';
import type { StatefulSet } from './stateful-set.ts';
import type { StorageClass } from './storage-class.ts';

export const CertificateSigningRequestRef: KindRef<CertificateSigningRequest> = KIND_NAMES.CertificateSigningRequest;
export const ConfigMapRef: KindRef<ConfigMap> = KIND_NAMES.ConfigMap;
export const DeploymentRef: KindRef<Deployment> = KIND_NAMES.Deployment;
export const EventRef: KindRef<Event> = KIND_NAMES.Event;
export const ImageInfoRef: KindRef<ImageInfo> = KIND_NAMES.ImageInfo;
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
export const StorageClassRef: KindRef<StorageClass> = KIND_NAMES.StorageClass;
export const ControllerRevisionRef: KindRef<ControllerRevision> = KIND_NAMES.ControllerRevision;
export const CronJobRef: KindRef<CronJob> = KIND_NAMES.CronJob;
export const DaemonSetRef: KindRef<DaemonSet> = KIND_NAMES.DaemonSet;
export const JobRef: KindRef<Job> = KIND_NAMES.Job;
export const StatefulSetRef: KindRef<StatefulSet> = KIND_NAMES.StatefulSet;
