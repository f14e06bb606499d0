/**
 * The downward API: fields of the pod and amounts of its containers as text.
 * Source: Kubernetes documentation, "Downward API"; pkg/fieldpath, pkg/api/v1/resource.
 */
import type { ObjectFieldSelector, ResourceFieldSelector } from '../../../shared/api/env.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { parseQuantity } from '../../../shared/machinery/quantity.ts';
import { findContainer } from '../pod/pod-containers.ts';
import { ConfigError } from './config-reader.ts';

/** What the pod's own object does not say yet, or says late. */
export interface PodFacts {
  hostIp: string;
  /** Of the other address family, where the node and its pods have one. */
  otherHostIp?: string | undefined;
  otherPodIp?: string | undefined;
  /** Empty until the sandbox has its address. */
  podIp: string;
  /** What the node can give to pods: the limit of a container that has none. */
  allocatable: Readonly<Record<string, string>>;
}

const KEYED = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

export function readField(pod: Pod, selector: ObjectFieldSelector, facts: PodFacts): string {
  const { fieldPath } = selector;
  const [, map, key] = KEYED.exec(fieldPath) ?? [];
  if (map === 'labels') return pod.metadata.labels?.[key ?? ''] ?? '';
  if (map === 'annotations') return pod.metadata.annotations?.[key ?? ''] ?? '';
  const value = readPlain(pod, fieldPath, facts);
  if (value === undefined) throw new ConfigError(`unsupported fieldPath: ${fieldPath}`);
  return value;
}

function readPlain(pod: Pod, fieldPath: string, { hostIp, podIp, ...facts }: PodFacts): string | undefined {
  const { metadata, spec } = pod;
  const values: Readonly<Record<string, string>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? '',
    'metadata.uid': metadata.uid,
    'metadata.labels': renderMap(metadata.labels),
    'metadata.annotations': renderMap(metadata.annotations),
    'spec.nodeName': spec.nodeName ?? '',
    'spec.serviceAccountName': spec.serviceAccountName ?? '',
    'status.hostIP': hostIp,
    'status.hostIPs': joined(hostIp, facts.otherHostIp),
    'status.podIP': podIp,
    'status.podIPs': joined(podIp, facts.otherPodIp),
  };
  return Object.hasOwn(values, fieldPath) ? values[fieldPath] : undefined;
}

function joined(...ips: (string | undefined)[]): string {
  return ips.filter((ip) => ip).join(',');
}

/** `key="value"` a line, sorted, values quoted as Go does. */
function renderMap(map: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(map ?? {}).sort();
  return keys.map((key) => `${key}=${JSON.stringify(map?.[key])}`).join('\n');
}

/** The amount divided by the divisor and rounded up: `limits.cpu` of `1500m` is `2`, with divisor `1m` it is `1500`. */
export function readResource(
  pod: Pod,
  selector: ResourceFieldSelector,
  ownContainer: string | undefined,
  facts: PodFacts,
): string {
  const name = selector.containerName ?? ownContainer;
  const container = findContainer(pod.spec, name ?? '')?.container;
  if (container === undefined) throw new ConfigError(`container ${name} not found`);
  const [which = '', ...rest] = selector.resource.split('.');
  const resource = rest.join('.');
  const { requests, limits } = container.resources ?? {};
  const amount = which === 'limits' ? (limits?.[resource] ?? facts.allocatable[resource]) : requests?.[resource];
  return divide(amount ?? '0', selector.divisor ?? '0');
}

function divide(amount: string, divisor: string): string {
  const unit = parseQuantity(divisor).nanos || parseQuantity('1').nanos;
  const { nanos } = parseQuantity(amount);
  return String((nanos + unit - 1n) / unit);
}
