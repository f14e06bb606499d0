/** Which ConfigMaps, Secrets and service accounts a pod needs: what its node may read. Pure. */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';

/** `secrets/<name>`, `configmaps/<name>`, `serviceaccounts/<name>`: all in the pod's own namespace. */
export type PodReference = `${'secrets' | 'configmaps' | 'serviceaccounts' | 'persistentvolumeclaims'}/${string}`;

export function referencesOf(pod: Pod): ReadonlySet<PodReference> {
  const { spec } = pod;
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  return new Set<PodReference>([
    ...(spec.serviceAccountName ? [`serviceaccounts/${spec.serviceAccountName}` as const] : []),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }) => secret(name)),
    ...(spec.volumes ?? []).flatMap((volume) => volumeReferences(pod, volume)),
    ...containers.flatMap(containerReferences),
  ]);
}

function secret(name: string | undefined): PodReference[] {
  return name ? [`secrets/${name}`] : [];
}

function configMap(name: string | undefined): PodReference[] {
  return name ? [`configmaps/${name}`] : [];
}

function volumeReferences({ metadata }: Pod, volume: Volume): PodReference[] {
  const projected = (volume.projected?.sources ?? []).flatMap((source) => [
    ...configMap(source.configMap?.name),
    ...secret(source.secret?.name),
  ]);
  // The claim of a generic ephemeral volume is named after its pod.
  const own = volume.ephemeral && `${metadata.name}-${volume.name}`;
  const claim = volume.persistentVolumeClaim?.claimName ?? own;
  return [
    ...configMap(volume.configMap?.name),
    ...secret(volume.secret?.secretName),
    ...(claim ? [`persistentvolumeclaims/${claim}` as const] : []),
    ...projected,
  ];
}

function containerReferences({ env = [], envFrom = [] }: Pick<Container, 'env' | 'envFrom'>): PodReference[] {
  return [
    ...env.flatMap(({ valueFrom }) => [
      ...configMap(valueFrom?.configMapKeyRef?.name),
      ...secret(valueFrom?.secretKeyRef?.name),
    ]),
    ...envFrom.flatMap((source) => [...configMap(source.configMapRef?.name), ...secret(source.secretRef?.name)]),
  ];
}
