/**
 * How many pods the controllers of some pods want: the sum of their scales, each controller counted once. A pod of a
 * ReplicaSet that a Deployment owns is the Deployment's. Pure, but for the reader that it is given.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { isJsonObject } from '../../../shared/machinery/json.ts';
import { controllerOf, type OwnerReferenceLike } from '../../../shared/machinery/owner-references.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';

/** A workload with its kind; undefined: nothing of that name and uid is known. */
export type OwnerReader = (
  namespace: string,
  owner: OwnerReferenceLike,
) => { kind: Pick<Kind, 'subresources'>; object: KubernetesObject } | undefined;

interface Scale {
  uid: string;
  replicas: number;
}

/** Undefined when a controller does not say how many it wants. Pods without a controller do not count. */
export function computeWantedPods(pods: readonly Pod[], readOwner: OwnerReader): number | undefined {
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (owner === undefined) continue;
    const scale = scaleOf(pod.metadata.namespace ?? '', owner, readOwner);
    if (scale === undefined) return undefined;
    scales.set(scale.uid, scale.replicas);
  }
  return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
}

function scaleOf(namespace: string, owner: OwnerReferenceLike, readOwner: OwnerReader): Scale | undefined {
  const found = readOwner(namespace, owner);
  if (found === undefined) return undefined;
  const parent = controllerOf(found.object);
  const ofParent = parent && scaleOf(namespace, parent, readOwner);
  if (ofParent !== undefined) return ofParent;
  const replicas = replicasOf(found.object, found.kind);
  return replicas === undefined ? undefined : { uid: owner.uid, replicas };
}

export function replicasOf(object: KubernetesObject, { subresources }: Pick<Kind, 'subresources'>): number | undefined {
  const path = subresources.scale?.specReplicasPath;
  if (path === undefined) return undefined;
  const value = path.reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), object);
  return typeof value === 'number' ? value : undefined;
}
