/** Pure: which ConfigMaps and Secrets a pod names: in its environment, in its volumes, for its images. */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import { containersOf } from '../pod/pod-containers.ts';

export interface ConfigReference {
  kind: 'ConfigMap' | 'Secret';
  namespace: string;
  name: string;
}

export function configReferences({ metadata, spec }: Pod): ConfigReference[] {
  const names = [
    ...containersOf(spec).flatMap(({ container }) => namesOfContainer(container)),
    ...(spec.volumes ?? []).flatMap(namesOfVolume),
    ...(spec.imagePullSecrets ?? []).map(secret),
  ];
  const namespace = metadata.namespace ?? '';
  const all = names.flatMap(({ kind, name }) => (name ? [{ kind, namespace, name }] : []));
  return [...new Map(all.map((reference) => [`${reference.kind}/${reference.name}`, reference])).values()];
}

interface Name {
  kind: ConfigReference['kind'];
  name: string | undefined;
}

function configMap(source: { name?: string } | undefined): Name {
  return { kind: 'ConfigMap', name: source?.name };
}

function secret(source: { name?: string } | undefined): Name {
  return { kind: 'Secret', name: source?.name };
}

function namesOfContainer({ env = [], envFrom = [] }: Container): Name[] {
  return [
    ...env.flatMap(({ valueFrom }) => [configMap(valueFrom?.configMapKeyRef), secret(valueFrom?.secretKeyRef)]),
    ...envFrom.flatMap((source) => [configMap(source.configMapRef), secret(source.secretRef)]),
  ];
}

function namesOfVolume(volume: Volume): Name[] {
  const sources = volume.projected?.sources ?? [];
  return [
    configMap(volume.configMap),
    secret({ name: volume.secret?.secretName }),
    ...sources.flatMap((source) => [configMap(source.configMap), secret(source.secret)]),
  ];
}
