/** All controllers with the informers that they share, in the order in which they start. */
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS } from '../../shared/api/cluster-network.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import { parseAddressPool } from '../../shared/machinery/address-pool.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Kind } from '../../shared/schema/define-kind.ts';
import { AlertController, type AlertSources } from './alerts/controller.ts';
import { createBootstrapTokenCleaner } from './bootstrap-token-cleaner.ts';
import { createClientSigner } from './certificates/client-signer.ts';
import { CertificateController, type CertificateSigner } from './certificates/controller.ts';
import { createClusterRoleAggregation } from './cluster-role-aggregation.ts';
import { ControllerSettings } from './controller-settings.ts';
import { CronJobController } from './cron-job/controller.ts';
import { DaemonSetController } from './daemon-set/controller.ts';
import { DeploymentController } from './deployment/controller.ts';
import { DisruptionController } from './disruption/controller.ts';
import { EndpointSliceController } from './endpoint-slice/controller.ts';
import { GarbageCollector } from './garbage-collector/controller.ts';
import { HeatProtection } from './heat/controller.ts';
import { HorizontalPodAutoscalerController } from './horizontal-pod-autoscaler/controller.ts';
import { createImageControllers } from './images/create-image-controllers.ts';
import type { RegistryClient } from './images/registry/registry-client.ts';
import { type Environment, Informers } from './informers.ts';
import { createIngressController } from './ingress/controller.ts';
import { JobController } from './job/controller.ts';
import { createOrphanPodReleaser } from './job/orphan-pods.ts';
import { LoadBalancerController } from './load-balancer/controller.ts';
import { createNamespaceController } from './namespace.ts';
import { NodeIpamController } from './node-ipam/controller.ts';
import type { NetworkRanges } from './node-ipam/plan.ts';
import { NodeLifecycleController } from './node-lifecycle/controller.ts';
import { PersistentVolumeController } from './persistent-volume/controller.ts';
import { createEphemeralVolumes } from './persistent-volume/ephemeral.ts';
import { createClaimProtection, createVolumeProtection } from './persistent-volume/protection.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';
import { ReplicaSetController } from './replica-set/controller.ts';
import { ResourceQuotaController } from './resource-quota/controller.ts';
import { createRootCertificatePublisher } from './root-certificate.ts';
import { createServiceAccountController } from './service-account.ts';
import { StatefulSetController } from './stateful-set/controller.ts';

export interface ControllersOptions extends Environment {
  sign: CertificateSigner;
  /** The cluster's own certificate, PEM, for pods that talk to the API; not published unless given. */
  rootCertificate?: string;
  /** Every kind that the API server stores: namespaces are emptied of them, owners looked for among them. */
  kinds: readonly Kind[];
  /** Asks registries what images are; without it nobody is asked. */
  registry?: RegistryClient;
  /** Where pods and services get their addresses from; the defaults unless given. */
  network?: NetworkRanges;
  /** Of heat protection and node lifecycle; the defaults unless given. */
  settings?: ControllerSettings;
  /** Gets what controllers count, as Prometheus text. */
  onMetrics?(render: () => string): void;
  /** Gets what boards have told last. */
  onSensors?(list: () => readonly NodeSensors[]): void;
  /** What alerts are told of beside the API's objects, and where to. */
  alerts?: AlertSources;
  /** Gets what says which alerts are firing. */
  onAlerts?(alerts: AlertController): void;
}

const DEFAULT_NETWORK: NetworkRanges = { clusterCidrs: DEFAULT_CLUSTER_CIDRS, serviceCidrs: DEFAULT_SERVICE_CIDRS };

/** Many, short-lived, and owned by nobody. */
const NEVER_OWNED: ReadonlySet<string> = new Set(['Event']);

export function createControllers(options: ControllersOptions): Component[] {
  const { sign, kinds, rootCertificate, registry, network = DEFAULT_NETWORK, ...rest } = options;
  const { settings = new ControllerSettings(), onMetrics, onSensors, alerts: sources, onAlerts, ...environment } = rest;
  const informers = new Informers(environment);
  const heat = new HeatProtection({ ...environment, settings }, informers);
  onMetrics?.(() => heat.metrics.render());
  onSensors?.(() => informers.nodeSensors.list());
  const alerts = new AlertController(environment, informers, sources);
  onAlerts?.(alerts);
  const collected = kinds.filter((kind) => !NEVER_OWNED.has(kind.kind));
  const controllers: Component[] = [
    new ReplicaSetController(environment, informers),
    new DeploymentController(environment, informers),
    new StatefulSetController(environment, informers),
    new DaemonSetController(environment, informers),
    new JobController(environment, informers),
    createOrphanPodReleaser(environment, informers),
    new CronJobController(environment, informers),
    new EndpointSliceController(environment, informers),
    createIngressController(environment, informers),
    new DisruptionController(environment, informers, kinds),
    new HorizontalPodAutoscalerController(environment, informers, kinds),
    new ResourceQuotaController(environment, informers, kinds),
    createClusterRoleAggregation(environment),
    new NodeIpamController(environment, informers, network),
    new LoadBalancerController(environment, informers, parseAddressPool(network.balancerPool ?? [])),
    new PersistentVolumeController(environment, informers),
    createClaimProtection(environment, informers),
    createVolumeProtection(environment, informers),
    createEphemeralVolumes(environment, informers),
    new NodeLifecycleController(environment, informers, settings),
    heat,
    alerts,
    new GarbageCollector(environment, informers, collected),
    createNamespaceController(environment, informers, kinds),
    createPodGarbageCollector(environment, informers),
    createServiceAccountController(environment, informers),
    ...(rootCertificate === undefined
      ? []
      : [createRootCertificatePublisher({ ...environment, certificate: rootCertificate }, informers)]),
    new CertificateController(environment, informers, sign),
    createClientSigner(environment, informers, sign),
    createBootstrapTokenCleaner(environment, informers),
    ...createImageControllers(environment, informers, registry),
  ];
  // Informers stop last: what is under way may still read them.
  return [informers, ...controllers];
}
