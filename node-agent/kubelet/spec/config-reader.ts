/** What pods read from the API beside their own object: ConfigMaps and Secrets, as the kubelet last saw them. */
import type { ConfigMap } from '../../../shared/api/config-map.ts';
import type { Secret } from '../../../shared/api/secret.ts';

/** `unknown`: the first look is still under way, ask again. */
export type Found<T> = { state: 'present'; object: T } | { state: 'absent' } | { state: 'unknown' };

export interface ConfigReader {
  configMap(namespace: string, name: string): Found<ConfigMap>;
  secret(namespace: string, name: string): Found<Secret>;
}

/** A pod cannot be given what its specification asks for; a later look may find it. The message is for the user. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Nothing is wrong yet: the object has not been looked up. */
  readonly isPending: boolean;
  constructor(message: string, isPending = false) {
    super(message);
    this.isPending = isPending;
  }
}

/** The object's values by key, as bytes; undefined when it is missing and may be. */
export function readData(
  reader: ConfigReader,
  source: { kind: 'ConfigMap' | 'Secret'; namespace: string; name: string; optional: boolean },
): ReadonlyMap<string, Buffer> | undefined {
  const { kind, namespace, name, optional } = source;
  const found = kind === 'ConfigMap' ? reader.configMap(namespace, name) : reader.secret(namespace, name);
  if (found.state === 'unknown') throw new ConfigError(`waiting to read ${kind} ${namespace}/${name}`, true);
  if (found.state === 'present') return decode(kind, found.object);
  if (optional) return undefined;
  throw new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
}

/** A Secret's data is base64, a ConfigMap's is text, its binaryData base64. */
function decode(kind: 'ConfigMap' | 'Secret', object: ConfigMap | Secret): Map<string, Buffer> {
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const binary = 'binaryData' in object ? (object.binaryData ?? {}) : {};
  return new Map([
    ...Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
    ...Object.entries(binary).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
  ]);
}
