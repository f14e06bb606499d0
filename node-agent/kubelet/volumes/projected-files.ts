/**
 * Pure: the files of configMap, secret, downwardAPI and projected volumes.
 * Source: Kubernetes documentation, "Volumes" and "Projected Volumes".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from '../../../shared/api/volume-files.ts';
import { containersOf } from '../pod/pod-containers.ts';
import { ConfigError, type ConfigReader, readData } from '../spec/config-reader.ts';
import { type PodFacts, readField, readResource } from '../spec/downward.ts';
import type { ProjectedFile } from './host-files.ts';

export interface ProjectionContext {
  pod: Pod;
  facts: PodFacts;
  reader: ConfigReader;
  /** Text of the token of a projection; undefined: it comes later, and the pod may do without it until then. */
  token?(projection: ServiceAccountTokenProjection): string | undefined;
}

const DEFAULT_MODE = 0o644;

/** undefined: the volume is no such volume. Throws ConfigError when a source is missing. */
export function computeProjectedFiles(volume: Volume, context: ProjectionContext): ProjectedFile[] | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return fromProjection({ configMap }, configMap.defaultMode, context);
  if (secret) {
    const { secretName = '', items, optional } = secret;
    return fromProjection({ secret: { name: secretName, items, optional } }, secret.defaultMode, context);
  }
  if (downwardAPI) return fromProjection({ downwardAPI }, downwardAPI.defaultMode, context);
  if (!projected) return undefined;
  const all = (projected.sources ?? []).flatMap((source) => fromProjection(source, projected.defaultMode, context));
  // A later source wins over an earlier one with the same path.
  return [...new Map(all.map((file) => [file.path, file])).values()];
}

function fromProjection(
  source: VolumeProjection,
  defaultMode: number | undefined,
  context: ProjectionContext,
): ProjectedFile[] {
  const mode = defaultMode ?? DEFAULT_MODE;
  if (source.configMap) return fromData('ConfigMap', source.configMap, mode, context);
  if (source.secret) return fromData('Secret', source.secret, mode, context);
  if (source.downwardAPI) return (source.downwardAPI.items ?? []).map((item) => fromField(item, mode, context));
  if (source.serviceAccountToken) return fromToken(source.serviceAccountToken, mode, context);
  throw new ConfigError('the volume names a source that this kubelet does not support');
}

/** A token is for the pod's own processes; it is everybody's only where nothing says who these are. */
const TOKEN_MODE = 0o600;

function fromToken(
  projection: ServiceAccountTokenProjection,
  defaultMode: number,
  { pod, token }: ProjectionContext,
): ProjectedFile[] {
  const text = token?.(projection);
  if (text === undefined) return [];
  const userId = commonUser(pod);
  const isOwned = userId !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  const file = { path: checkPath(projection.path), bytes: Buffer.from(text), mode: isOwned ? TOKEN_MODE : defaultMode };
  return [userId === undefined ? file : { ...file, userId }];
}

/** The user that all containers of the pod run as; undefined: they differ, or their images say. */
function commonUser({ spec }: Pod): number | undefined {
  const users = containersOf(spec).map(
    ({ container }) => container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

function fromData(
  kind: 'ConfigMap' | 'Secret',
  source: { name?: string; items?: KeyToPath[]; optional?: boolean },
  mode: number,
  { pod, reader }: ProjectionContext,
): ProjectedFile[] {
  const { name = '', items, optional = false } = source;
  const namespace = pod.metadata.namespace ?? '';
  const data = readData(reader, { kind, namespace, name, optional });
  if (data === undefined) return [];
  if (items === undefined) return [...data].map(([path, bytes]) => ({ path, bytes, mode }));
  return items.flatMap((item) => {
    const bytes = data.get(item.key);
    if (bytes !== undefined) return { path: checkPath(item.path), bytes, mode: item.mode ?? mode };
    if (optional) return [];
    throw new ConfigError(`references non-existent ${kind === 'Secret' ? 'secret' : 'config'} key: ${item.key}`);
  });
}

function fromField(item: DownwardAPIVolumeFile, mode: number, { pod, facts }: ProjectionContext): ProjectedFile {
  const { fieldRef, resourceFieldRef } = item;
  if (fieldRef === undefined && resourceFieldRef === undefined) {
    throw new ConfigError(`the downward API file ${item.path} names no field`);
  }
  const text = fieldRef
    ? readField(pod, fieldRef, facts)
    : readResource(pod, resourceFieldRef ?? { resource: '', divisor: '0' }, undefined, facts);
  return { path: checkPath(item.path), bytes: Buffer.from(text), mode: item.mode ?? mode };
}

/** The API server refuses such paths; nothing is written outside the volume if one comes all the same. */
function checkPath(path: string): string {
  const parts = path.split('/');
  if (path.startsWith('/') || parts.includes('..') || parts[0]?.startsWith('..')) {
    throw new ConfigError(`the path ${JSON.stringify(path)} must stay inside the volume`);
  }
  return path;
}
