/** Who made an object: the link of the owner chain Pod → ReplicaSet → Deployment. Pure. */
import type { OwnerReference } from '../../../shared/schema/object-meta.ts';

/** Kinds that have entries; a pod of something else (a Node's static pod) stands alone. */
const WORKLOADS = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob']);

/** Key of the owner's entry. */
export function ownerOf(metadata: {
  namespace?: string;
  ownerReferences?: readonly OwnerReference[];
}): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined || !WORKLOADS.has(owner.kind)) return undefined;
  return workloadKey(owner.kind, metadata.namespace ?? '', owner.name);
}

export function workloadKey(kind: string, namespace: string, name: string): string {
  return `workload/${kind}/${namespace}/${name}`;
}
