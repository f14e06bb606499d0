/**
 * Where the pods of a DaemonSet belong. The controller decides by node, and the scheduler binds: each pod demands one node by
 * name. Pure. Source: Kubernetes, "DaemonSet: How Daemon Pods are scheduled, Taints and tolerations".
 *
 * `bramble.dev/overheating` is not tolerated unless the template says so: a hot board gets no further load. What runs there
 * stays, because the taint is NoSchedule.
 */
import type { NodeSelectorRequirement } from '../../../shared/api/affinity.ts';
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { Toleration } from '../../../shared/api/pod-spec-parts.ts';
import { nodeMeetsDemands } from '../../../shared/machinery/node-selector.ts';
import { findUntoleratedTaint, TAINT_KEYS, type TaintEffect } from '../../../shared/machinery/taints.ts';

export interface NodeFit {
  /** It should have a pod. */
  shouldRun: boolean;
  /** A pod that is there may stay. */
  mayStay: boolean;
}

const NOWHERE: NodeFit = { shouldRun: false, mayStay: false };

/** A node's troubles are no reason to take its daemons away. */
const TOLERATED: readonly { key: string; effect: TaintEffect }[] = [
  { key: TAINT_KEYS.notReady, effect: 'NoExecute' },
  { key: TAINT_KEYS.unreachable, effect: 'NoExecute' },
  { key: TAINT_KEYS.diskPressure, effect: 'NoSchedule' },
  { key: TAINT_KEYS.memoryPressure, effect: 'NoSchedule' },
  { key: TAINT_KEYS.pidPressure, effect: 'NoSchedule' },
  { key: TAINT_KEYS.unschedulable, effect: 'NoSchedule' },
];

/** A pod on the host's network needs no network of the cluster's. */
const TOLERATED_ON_HOST_NETWORK = { key: TAINT_KEYS.networkUnavailable, effect: 'NoSchedule' } as const;

export function daemonTolerations(spec: PodSpec): Toleration[] {
  const present = spec.tolerations ?? [];
  const wanted = spec.hostNetwork ? [...TOLERATED, TOLERATED_ON_HOST_NETWORK] : TOLERATED;
  const missing = wanted.filter(
    ({ key, effect }) => !present.some((one) => one.key === key && one.effect === effect && one.operator === 'Exists'),
  );
  return [...present, ...missing.map((taint) => ({ ...taint, operator: 'Exists' as const }))];
}

export function computeNodeFit({ spec }: DaemonSet, { metadata, spec: node }: Node): NodeFit {
  const template = spec.template.spec;
  if (template.nodeName && template.nodeName !== metadata.name) return NOWHERE;
  if (!nodeMeetsDemands(template, { name: metadata.name, labels: metadata.labels ?? {} })) return NOWHERE;
  const tolerations = daemonTolerations(template);
  const keepsAway = (effects: readonly TaintEffect[]): boolean =>
    findUntoleratedTaint(node.taints ?? [], tolerations, effects) !== undefined;
  return { shouldRun: !keepsAway(['NoSchedule', 'NoExecute']), mayStay: !keepsAway(['NoExecute']) };
}

/** The node that a pod is on, or that it was made for; undefined for adopted pods without a node. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = (required?.nodeSelectorTerms ?? []).flatMap(({ matchFields = [] }) => matchFields);
  return fields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In')?.values?.[0];
}

/** The template's own demands have been judged by the controller; what is left is the node's name. */
export function bindToNode(spec: PodSpec, node: string): PodSpec {
  const byName: NodeSelectorRequirement = { key: 'metadata.name', operator: 'In', values: [node] };
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [byName] }] },
      },
    },
    tolerations: daemonTolerations(spec),
  };
}
