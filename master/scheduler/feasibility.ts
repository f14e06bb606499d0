/**
 * Whether a node can take a pod: all filters of the profile, compiled for the pod and asked in their order. Room that is
 * being made for pods of the same or a higher priority is theirs: the pod must fit beside them too.
 */
import type { FilterName, FilterPlugin, NodeFilter, Reasons } from './framework.ts';
import { copyNode, type NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';
import type { Snapshot } from './snapshot.ts';

export interface CompiledFilter {
  plugin: FilterPlugin;
  filter: NodeFilter;
}

export interface Refusal {
  node: string;
  plugin: FilterName;
  /** Kubernetes' words: `Insufficient memory`. */
  reasons: Reasons;
}

export function compileFilters(pod: PodInfo, snapshot: Snapshot, profile: Profile): CompiledFilter[] {
  const compiled: CompiledFilter[] = [];
  for (const plugin of profile.filters) {
    const filter = plugin.preFilter(pod, snapshot);
    if (filter !== undefined) compiled.push({ plugin, filter });
  }
  return compiled;
}

/** The first refusal; undefined: the node can take the pod. */
export function refusalOf(filters: readonly CompiledFilter[], node: NodeInfo, pod: PodInfo): Refusal | undefined {
  if (node.nominated !== undefined) {
    const refusal = refusalBeside(filters, node, pod);
    if (refusal !== undefined) return refusal;
  }
  return plainRefusal(filters, node);
}

/** Without regard for pods that are nominated. */
export function plainRefusal(filters: readonly CompiledFilter[], node: NodeInfo): Refusal | undefined {
  for (const { plugin, filter } of filters) {
    const reasons = filter.check(node);
    if (reasons !== undefined) return { node: node.name, plugin: plugin.name, reasons };
  }
  return undefined;
}

/** As if the pods that room is being made for were there already. */
function refusalBeside(filters: readonly CompiledFilter[], node: NodeInfo, pod: PodInfo): Refusal | undefined {
  const expected = [...(node.nominated?.values() ?? [])].filter(
    (other) => other.key !== pod.key && other.priority >= pod.priority && !node.pods.has(other.key),
  );
  if (expected.length === 0) return undefined;
  const copy = copyNode(node);
  for (const other of expected) {
    copy.addPod(other);
    for (const { filter } of filters) filter.podComes?.(other, node);
  }
  const refusal = plainRefusal(filters, copy);
  for (const other of expected) for (const { filter } of filters) filter.podLeaves?.(other, node);
  return refusal;
}
