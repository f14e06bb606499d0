/**
 * What every cluster begins with: four namespaces, the Service by which pods find the API, classes of storage and of
 * Ingresses. Idempotent.
 */
import {
  DEFAULT_INGRESS_CLASS_ANNOTATION,
  INGRESS_CLASS,
  INGRESS_CONTROLLER,
} from '../../../shared/api/ingress-names.ts';
import { LOCAL_PATH_PROVISIONER } from '../../../shared/api/local-path-names.ts';
import { DEFAULT_CLASS_ANNOTATION } from '../../../shared/api/storage-class.ts';
import { SYSTEM_PRIORITIES } from '../../../shared/api/validation/priority-class.ts';
import type { RegistryDeps } from '../registry/registry-deps.ts';
import type { AnyKind } from '../storage/api-object.ts';
import { createIfMissing, type OwnObject } from './ensure-object.ts';

const NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Volumes are directories of the boards, made where the pod runs; the class of claims that name none. */
const LOCAL_PATH_CLASS: OwnObject = {
  metadata: { name: 'local-path', annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } },
  provisioner: LOCAL_PATH_PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** Ingresses are served by every node, those that name no class too. */
const BRAMBLE_INGRESS_CLASS: OwnObject = {
  metadata: { name: INGRESS_CLASS, annotations: { [DEFAULT_INGRESS_CLASS_ANNOTATION]: 'true' } },
  spec: { controller: INGRESS_CONTROLLER },
};

/** For what the cluster itself cannot do without. */
const PRIORITY_CLASSES: readonly OwnObject[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: SYSTEM_PRIORITIES['system-node-critical'],
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: SYSTEM_PRIORITIES['system-cluster-critical'],
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

export interface BootstrapOptions {
  deps: RegistryDeps;
  kindOf(group: string, kind: string): AnyKind | undefined;
  /** Of the Service `kubernetes`. */
  serviceAddress: string;
  /** Port of the masters' HTTPS door, where the Service leads to. */
  apiPort: number;
}

export async function createBootstrapObjects({ deps, kindOf, ...options }: BootstrapOptions): Promise<void> {
  const namespaceKind = kindOf('', 'Namespace');
  if (namespaceKind === undefined) return;
  for (const name of NAMESPACES) await createIfMissing(deps, namespaceKind, { metadata: { name } });
  const classKind = kindOf('storage.k8s.io', 'StorageClass');
  if (classKind !== undefined) await createIfMissing(deps, classKind, LOCAL_PATH_CLASS);
  const ingressClassKind = kindOf('networking.k8s.io', 'IngressClass');
  if (ingressClassKind !== undefined) await createIfMissing(deps, ingressClassKind, BRAMBLE_INGRESS_CLASS);
  const priorityKind = kindOf('scheduling.k8s.io', 'PriorityClass');
  if (priorityKind !== undefined)
    for (const value of PRIORITY_CLASSES) await createIfMissing(deps, priorityKind, value);
  const accountKind = kindOf('', 'ServiceAccount');
  if (accountKind !== undefined) {
    // Those of further namespaces come from a controller, and a new cluster's first pod does not wait for it.
    for (const namespace of NAMESPACES)
      await createIfMissing(deps, accountKind, { metadata: { name: 'default', namespace } });
  }
  const serviceKind = kindOf('', 'Service');
  if (serviceKind !== undefined) await createIfMissing(deps, serviceKind, kubernetesService(options));
}

function kubernetesService({
  serviceAddress,
  apiPort,
}: Pick<BootstrapOptions, 'serviceAddress' | 'apiPort'>): OwnObject {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiPort }];
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: { type: 'ClusterIP', clusterIP: serviceAddress, ports },
  };
}
