/** What an autoscaler needs of a workload, by the paths that its kind gives for its scale. Pure. */
import type { LabelSelector } from '../../../shared/api/label-selector.ts';
import { isJsonObject } from '../../../shared/machinery/json.ts';
import { type Selector, selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import { apiVersionOf, type Kind } from '../../../shared/schema/define-kind.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';

export interface ScaleTarget {
  wantedReplicas: number;
  presentReplicas: number;
  selector: Selector;
}

/** The kind that a reference names, in whatever version. */
export function kindOfTarget(
  kinds: readonly Kind[],
  { kind, apiVersion = '' }: { kind: string; apiVersion?: string },
): Kind | undefined {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const matches = kinds.filter((known) => known.kind === kind && known.subresources.scale !== undefined);
  return matches.find((known) => known.group === group) ?? matches.find((known) => apiVersionOf(known) === apiVersion);
}

/** Undefined for an object that does not say how many pods it wants. */
export function readScale(object: KubernetesObject, { subresources }: Kind): ScaleTarget | undefined {
  const { scale } = subresources;
  if (scale === undefined) return undefined;
  const wanted = valueAt(object, scale.specReplicasPath);
  const present = valueAt(object, scale.statusReplicasPath);
  const selector = valueAt(object, scale.selectorPath);
  if (typeof wanted !== 'number' || !isLabelSelector(selector)) return undefined;
  return {
    wantedReplicas: wanted,
    presentReplicas: typeof present === 'number' ? present : 0,
    selector: selectorFromLabelSelector(selector),
  };
}

function isLabelSelector(value: unknown): value is LabelSelector {
  return isJsonObject(value) && ('matchLabels' in value || 'matchExpressions' in value);
}

function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), object);
}
