/**
 * Pure: the services that a container finds in its environment. Source: Kubernetes documentation, "Discovering services",
 * "Environment variables"; the second set of names is that of Docker's old links.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Service } from '../../../shared/api/service.ts';

/** Services as the node last saw them. */
export interface ServiceReader {
  /** undefined: they have not been listed yet. */
  services(): readonly Service[] | undefined;
}

export type ServiceFacts = Pick<Service, 'metadata' | 'spec'>;

const MASTER_NAMESPACE = 'default';
const MASTER_SERVICE = 'kubernetes';

/** The way to the API is told to every pod, the services of its namespace where it wants links. */
export function renderServiceEnv(
  { metadata, spec }: Pod,
  services: readonly ServiceFacts[],
): { name: string; value: string }[] {
  const chosen = new Map<string, ServiceFacts>();
  for (const service of services) {
    const { name, namespace } = service.metadata;
    const isMaster = namespace === MASTER_NAMESPACE && name === MASTER_SERVICE;
    const isOwn = namespace === metadata.namespace && (spec.enableServiceLinks ?? true);
    // A service of that name in the pod's own namespace wins.
    if (isOwn || (isMaster && !chosen.has(name))) chosen.set(name, service);
  }
  return [...chosen.values()].sort(compareNames).flatMap(renderService);
}

function compareNames(a: ServiceFacts, b: ServiceFacts): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function renderService({ metadata, spec }: ServiceFacts): { name: string; value: string }[] {
  const { clusterIP = '', ports = [] } = spec;
  const [first] = ports;
  if (clusterIP === '' || clusterIP === 'None' || first === undefined) return [];
  const prefix = variableName(metadata.name);
  const named = ports.filter((port) => port.name);
  return [
    { name: `${prefix}_SERVICE_HOST`, value: clusterIP },
    { name: `${prefix}_SERVICE_PORT`, value: String(first.port) },
    ...named.map(({ name = '', port }) => ({
      name: `${prefix}_SERVICE_PORT_${variableName(name)}`,
      value: String(port),
    })),
    ...ports.flatMap((port, index) => renderLink(prefix, clusterIP, port, index)),
  ];
}

function renderLink(
  service: string,
  address: string,
  { port, protocol = 'TCP' }: { port: number; protocol?: string },
  index: number,
): { name: string; value: string }[] {
  const host = address.includes(':') ? `[${address}]` : address;
  const url = `${protocol.toLowerCase()}://${host}:${port}`;
  const prefix = `${service}_PORT_${port}_${protocol.toUpperCase()}`;
  return [
    ...(index === 0 ? [{ name: `${service}_PORT`, value: url }] : []),
    { name: prefix, value: url },
    { name: `${prefix}_PROTO`, value: protocol.toLowerCase() },
    { name: `${prefix}_PORT`, value: String(port) },
    { name: `${prefix}_ADDR`, value: address },
  ];
}

/** `my-web` becomes `MY_WEB`. */
function variableName(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}
