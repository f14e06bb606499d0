/** What every cluster begins with: four namespaces and the Service by which pods find the API. Idempotent. */
import { addressAt, type Ipv4Range } from '../admission/service-addresses/ipv4-range.ts';
import type { RegistryDeps } from '../registry/registry-deps.ts';
import type { AnyKind } from '../storage/api-object.ts';
import { createIfMissing, type OwnObject } from './ensure-object.ts';

const NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Position of the address that the `kubernetes` Service has in the range: the first usable one, as upstream. */
const KUBERNETES_ADDRESS_INDEX = 1;

export interface BootstrapOptions {
  deps: RegistryDeps;
  kindOf(group: string, kind: string): AnyKind | undefined;
  serviceRange: Ipv4Range;
  /** Port of the masters' HTTPS door, where the Service leads to. */
  apiPort: number;
}

export async function createBootstrapObjects({ deps, kindOf, ...options }: BootstrapOptions): Promise<void> {
  const namespaceKind = kindOf('', 'Namespace');
  if (namespaceKind === undefined) return;
  for (const name of NAMESPACES) await createIfMissing(deps, namespaceKind, { metadata: { name } });
  const serviceKind = kindOf('', 'Service');
  if (serviceKind !== undefined) await createIfMissing(deps, serviceKind, kubernetesService(options));
}

function kubernetesService({ serviceRange, apiPort }: Pick<BootstrapOptions, 'serviceRange' | 'apiPort'>): OwnObject {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const clusterIP = addressAt(serviceRange, KUBERNETES_ADDRESS_INDEX);
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiPort }];
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: { type: 'ClusterIP', clusterIP, ports },
  };
}
