/** Pure: the addresses at which an Ingress is served: those of all nodes that say that they serve. */

import type { Ingress } from '../../../shared/api/ingress.ts';
import { INGRESS_PORTS_ANNOTATION } from '../../../shared/api/ingress-names.ts';
import type { Node } from '../../../shared/api/node.ts';

export type IngressAddresses = NonNullable<Ingress['status']['loadBalancer']['ingress']>;

export function computeAddresses(nodes: readonly Node[]): IngressAddresses {
  const addresses = nodes.filter(isServing).flatMap(({ status }) => status.addresses ?? []);
  const own = addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  return [...new Set(own)].sort().map((ip) => ({ ip }));
}

function isServing({ metadata, status }: Node): boolean {
  const isReady = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return (
    isReady && metadata.deletionTimestamp === undefined && Boolean(metadata.annotations?.[INGRESS_PORTS_ANNOTATION])
  );
}
