/** Which claims a pod uses. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';

/** Name of the claim behind a volume of the pod; undefined: it has none. */
export function claimNameOf(pod: Pick<Pod, 'metadata'>, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined;
}

/** `namespace/name` of each claim. */
export function claimKeysOf(pod: Pod): string[] {
  const names = (pod.spec.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? []);
  return names.map((name) => `${pod.metadata.namespace}/${name}`);
}
