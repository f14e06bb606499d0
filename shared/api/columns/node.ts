/** What `kubectl get nodes` prints; `-o wide` ends with Bramble's own column, the temperature of the board. */
import { ageColumn, type Column, nameColumn } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { NodeSpec } from '../node-spec.ts';
import type { NodeStatus } from '../node-status.ts';

interface NodeParts extends KubernetesObject {
  spec: NodeSpec;
  status: NodeStatus;
}

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

/** `Ready`, `NotReady,SchedulingDisabled`, `Unknown` while nothing has been reported. */
export function nodeStatusText({ spec, status }: NodeParts): string {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec.unschedulable ? `${state},SchedulingDisabled` : state;
}

/** Sorted and joined by commas; `<none>` for a node without roles. */
export function nodeRolesText({ metadata }: KubernetesObject): string {
  const labels = Object.entries(metadata.labels ?? {});
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return [key.slice(ROLE_PREFIX.length)];
    return key === ROLE_LABEL ? [value] : [];
  });
  const named = [...new Set(roles.filter((role) => role !== ''))].sort();
  return named.length === 0 ? '<none>' : named.join(',');
}

function addressColumn(name: string, type: string): Column<NodeParts> {
  return {
    name,
    type: 'string',
    priority: 1,
    description: `address of type ${type}`,
    value: ({ status }) => status.addresses?.find((address) => address.type === type)?.address ?? '<none>',
  };
}

function infoColumn(name: string, key: 'osImage' | 'kernelVersion' | 'containerRuntimeVersion'): Column<NodeParts> {
  return {
    name,
    type: 'string',
    priority: 1,
    description: `the node's ${key}`,
    value: ({ status }) => status.nodeInfo[key] || '<unknown>',
  };
}

export const nodeColumns: readonly Column<NodeParts>[] = [
  nameColumn(),
  { name: 'Status', type: 'string', description: 'whether the node works and takes pods', value: nodeStatusText },
  { name: 'Roles', type: 'string', description: 'roles by label', value: nodeRolesText },
  ageColumn(),
  {
    name: 'Version',
    type: 'string',
    description: 'version of the kubelet',
    value: ({ status }) => status.nodeInfo.kubeletVersion,
  },
  addressColumn('Internal-IP', 'InternalIP'),
  addressColumn('External-IP', 'ExternalIP'),
  infoColumn('OS-Image', 'osImage'),
  infoColumn('Kernel-Version', 'kernelVersion'),
  infoColumn('Container-Runtime', 'containerRuntimeVersion'),
  {
    name: 'Temperature',
    type: 'string',
    priority: 1,
    description: 'temperature of the CPU in degrees Celsius',
    value: ({ metadata }, { temperatureCelsius }) => {
      const celsius = temperatureCelsius?.(metadata.name);
      return celsius === undefined ? '<unknown>' : `${celsius.toFixed(1)}°C`;
    },
  },
];
