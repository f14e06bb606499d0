/** Pure: what policies look at, from what the API says. */
import type { Namespace } from '../../../shared/api/namespace.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { NamedPort, PolicyPod, PolicyWorld } from './policy-pod.ts';

const OVER: readonly string[] = ['Succeeded', 'Failed'];

export function renderWorld(
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
  ownNodes: ReadonlySet<string>,
): PolicyWorld {
  return {
    pods: pods.map((pod) => asPolicyPod(pod, ownNodes)),
    namespaces: new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
  };
}

/** A pod on the node's own network has the node's address: policies are not about it. */
function asPolicyPod({ metadata, spec, status }: Pod, ownNodes: ReadonlySet<string>): PolicyPod {
  const hasAddresses = !spec.hostNetwork && !OVER.includes(status.phase ?? '');
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const addresses = (status.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
  const single = status.podIP ? [status.podIP] : [];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    addresses: hasAddresses ? (addresses.length > 0 ? addresses : single) : [],
    isLocal: ownNodes.has(spec.nodeName ?? ''),
    ports: [...sidecars, ...spec.containers].flatMap(({ ports = [] }) => ports.flatMap(asNamedPort)),
  };
}

function asNamedPort({
  name,
  protocol,
  containerPort,
}: {
  name?: string;
  protocol: string;
  containerPort: number;
}): NamedPort[] {
  const isKnown = protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP';
  return name === undefined || !isKnown ? [] : [{ name, protocol, port: containerPort }];
}
