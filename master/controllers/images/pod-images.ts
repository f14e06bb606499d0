/** Pure: which images pods name, and with which Secrets they may be asked for. */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Secret } from '../../../shared/api/secret.ts';
import { canonicalImage, parseImageReference } from '../../../shared/machinery/image-reference.ts';
import { findCredentials, type PullCredentials, parsePullSecret } from '../../../shared/machinery/pull-credentials.ts';

/** Credentials that are tried for one image; each that fails is a request. */
const MAX_CREDENTIALS = 4;

export interface SecretName {
  namespace: string;
  name: string;
}

/** Canonical names, without those that are never pulled. */
export function imagesOf({ spec }: Pick<Pod, 'spec'>): string[] {
  const containers: Pick<Container, 'image' | 'imagePullPolicy'>[] = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
  ];
  const pulled = containers.filter(({ image, imagePullPolicy }) => image && imagePullPolicy !== 'Never');
  return [...new Set(pulled.map(({ image }) => canonicalImage(image ?? '')))];
}

export function pullSecretsOf({ metadata, spec }: Pick<Pod, 'metadata' | 'spec'>): SecretName[] {
  const namespace = metadata.namespace ?? '';
  return (spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [{ namespace, name }] : []));
}

/** Of all these Secrets, what is for the image; each once. */
export function collectCredentials(
  image: string,
  secrets: readonly SecretName[],
  find: (key: string) => Pick<Secret, 'type' | 'data'> | undefined,
): PullCredentials[] {
  const reference = parseImageReference(image);
  if (reference === undefined) return [];
  const keys = [...new Set(secrets.map(({ namespace, name }) => `${namespace}/${name}`))];
  const all = keys.flatMap((key) => {
    const secret = find(key);
    return secret === undefined ? [] : findCredentials(parsePullSecret(secret), reference);
  });
  const unique = new Map(all.map((credentials) => [`${credentials.username}\0${credentials.password}`, credentials]));
  return [...unique.values()].slice(0, MAX_CREDENTIALS);
}
