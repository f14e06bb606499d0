/** One informer a kind for all controllers: each kind is listed and watched once, whoever needs it. */
import {
  type CertificateSigningRequest,
  CertificateSigningRequestKind,
} from '../../shared/api/certificate-signing-request.ts';
import { type ControllerRevision, ControllerRevisionKind } from '../../shared/api/controller-revision.ts';
import { type CronJob, CronJobKind } from '../../shared/api/cron-job.ts';
import { type DaemonSet, DaemonSetKind } from '../../shared/api/daemon-set.ts';
import { type Deployment, DeploymentKind } from '../../shared/api/deployment.ts';
import { type EndpointSlice, EndpointSliceKind, SERVICE_NAME_LABEL } from '../../shared/api/endpoint-slice.ts';
import {
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalerKind,
} from '../../shared/api/horizontal-pod-autoscaler.ts';
import { type Job, JobKind } from '../../shared/api/job.ts';
import { type Lease, LeaseKind } from '../../shared/api/lease.ts';
import { type Namespace, NamespaceKind } from '../../shared/api/namespace.ts';
import { type Node, NodeKind } from '../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { type PodDisruptionBudget, PodDisruptionBudgetKind } from '../../shared/api/pod-disruption-budget.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../shared/api/replica-set.ts';
import { type ResourceQuota, ResourceQuotaKind } from '../../shared/api/resource-quota.ts';
import { type Secret, SecretKind } from '../../shared/api/secret.ts';
import { type Service, ServiceKind } from '../../shared/api/service.ts';
import { type ServiceAccount, ServiceAccountKind } from '../../shared/api/service-account.ts';
import { type StatefulSet, StatefulSetKind } from '../../shared/api/stateful-set.ts';
import { type StorageClass, StorageClassKind } from '../../shared/api/storage-class.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { WorkQueueMetrics } from '../../shared/client/work-queue-metrics.ts';
import { controllerOf } from '../../shared/machinery/owner-references.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';

export interface Environment {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Counts what waits in the queues of controllers; nobody does unless given. */
  queueMetrics?: WorkQueueMetrics;
}

/** What the garbage collector uses of the informer of any kind. */
export type AnyInformer = Pick<
  Informer<KubernetesObject>,
  'get' | 'list' | 'byIndex' | 'addIndex' | 'onChange' | 'hasSynced' | 'whenSynced' | 'start' | 'stop'
>;

/** Objects by the uid of the controller that owns them, and those without one by `noControllerIn(namespace)`. */
export const BY_CONTROLLER = 'controller uid';
/** Pods by the node that they are bound to. */
export const BY_NODE = 'node name';

/** Pods by `labelIn` of each of their labels. */
export const BY_LABEL = 'label';
/** EndpointSlices by `namespace/name` of their service. */
export const BY_SERVICE = 'service';

export function labelIn(namespace: string, key: string, value: string): string {
  return `${namespace} ${key}=${value}`;
}

export function noControllerIn(namespace: string | undefined): string {
  return `none in ${namespace ?? ''}`;
}

/** `apps/deployments`, `/pods`: two kinds may have the same plural in different groups. */
export function kindId(kind: { group: string; plural: string }): string {
  return `${kind.group}/${kind.plural}`;
}

export class Informers implements Component {
  readonly certificateSigningRequests: Informer<CertificateSigningRequest>;
  readonly controllerRevisions: Informer<ControllerRevision>;
  readonly cronJobs: Informer<CronJob>;
  readonly daemonSets: Informer<DaemonSet>;
  readonly deployments: Informer<Deployment>;
  readonly jobs: Informer<Job>;
  readonly leases: Informer<Lease>;
  readonly namespaces: Informer<Namespace>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly secrets: Informer<Secret>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly horizontalPodAutoscalers: Informer<HorizontalPodAutoscaler>;
  readonly nodeSensors: Informer<NodeSensors>;
  readonly persistentVolumes: Informer<PersistentVolume>;
  readonly persistentVolumeClaims: Informer<PersistentVolumeClaim>;
  readonly podDisruptionBudgets: Informer<PodDisruptionBudget>;
  readonly resourceQuotas: Informer<ResourceQuota>;
  readonly services: Informer<Service>;
  readonly storageClasses: Informer<StorageClass>;
  readonly #environment: Environment;
  readonly #all = new Map<string, AnyInformer>();

  constructor(environment: Environment) {
    this.#environment = environment;
    this.certificateSigningRequests = this.#add(CertificateSigningRequestKind);
    this.controllerRevisions = this.#add(ControllerRevisionKind);
    this.cronJobs = this.#add(CronJobKind);
    this.daemonSets = this.#add(DaemonSetKind);
    this.deployments = this.#add(DeploymentKind);
    this.jobs = this.#add(JobKind);
    this.leases = this.#add(LeaseKind);
    this.namespaces = this.#add(NamespaceKind);
    this.nodes = this.#add(NodeKind);
    this.pods = this.#add(PodKind);
    this.replicaSets = this.#add(ReplicaSetKind);
    this.secrets = this.#add(SecretKind);
    this.serviceAccounts = this.#add(ServiceAccountKind);
    this.statefulSets = this.#add(StatefulSetKind);
    this.endpointSlices = this.#add(EndpointSliceKind);
    this.horizontalPodAutoscalers = this.#add(HorizontalPodAutoscalerKind);
    this.nodeSensors = this.#add(NodeSensorsKind);
    this.persistentVolumes = this.#add(PersistentVolumeKind);
    this.persistentVolumeClaims = this.#add(PersistentVolumeClaimKind);
    this.podDisruptionBudgets = this.#add(PodDisruptionBudgetKind);
    this.resourceQuotas = this.#add(ResourceQuotaKind);
    this.services = this.#add(ServiceKind);
    this.storageClasses = this.#add(StorageClassKind);
    this.pods.addIndex(BY_CONTROLLER, controllerUids);
    this.pods.addIndex(BY_LABEL, ({ metadata: { namespace = '', labels = {} } }) =>
      Object.entries(labels).map(([key, value]) => labelIn(namespace, key, value)),
    );
    this.endpointSlices.addIndex(BY_SERVICE, ({ metadata: { namespace, labels } }) => {
      const service = labels?.[SERVICE_NAME_LABEL];
      return service ? [`${namespace}/${service}`] : [];
    });
    this.pods.addIndex(BY_NODE, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
    this.replicaSets.addIndex(BY_CONTROLLER, controllerUids);
    this.controllerRevisions.addIndex(BY_CONTROLLER, controllerUids);
    this.jobs.addIndex(BY_CONTROLLER, controllerUids);
  }

  /** The informer of any kind; made when nobody needed it before. Call before `start`. */
  of(kind: KindRef<KubernetesObject>): AnyInformer {
    return this.#all.get(kindId(kind)) ?? this.#add(kind);
  }

  /** Resolves at once; see each informer's `whenSynced`. */
  start(): Promise<void> {
    return startAll([...this.#all.values()]);
  }

  stop(): Promise<void> {
    return stopAll([...this.#all.values()]);
  }

  #add<T extends KubernetesObject>(kind: KindRef<T>): Informer<T> {
    const informer = new Informer<T>({ ...this.#environment, kind });
    this.#all.set(kindId(kind), informer);
    return informer;
  }
}

function controllerUids(object: KubernetesObject): string[] {
  return [controllerOf(object)?.uid ?? noControllerIn(object.metadata.namespace)];
}
