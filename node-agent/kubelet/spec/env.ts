/**
 * A container's environment from everywhere a pod can name. Later entries win over earlier ones, `env` over `envFrom`.
 * Source: Kubernetes API reference, EnvVar and EnvFromSource; pkg/kubelet makeEnvironmentVariables.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { EnvFromSource, EnvVar, FileKeySelector } from '../../../shared/api/env.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { ConfigError, type ConfigReader, readData } from './config-reader.ts';
import { type PodFacts, readField, readResource } from './downward.ts';
import { expand } from './expand.ts';

export interface EnvContext {
  pod: Pod;
  container: Pick<Container, 'name' | 'env' | 'envFrom'>;
  facts: PodFacts;
  reader: ConfigReader;
  /** Set before everything else, and may be named by it. */
  initial?: readonly { name: string; value: string }[];
  /** Text of a file in one of the pod's own volumes; undefined: there is none. */
  readFile?(volume: string, path: string): string | undefined;
}

/** Names that a shell could not say are left out of envFrom, as Kubernetes does. */
const VARIABLE_NAME = /^[ -<>-~]+$/;

/** Throws ConfigError when something that is named is missing. */
export function resolveEnv(context: EnvContext): Map<string, string> {
  const variables = new Map((context.initial ?? []).map(({ name, value }) => [name, value]));
  for (const source of context.container.envFrom ?? []) addAll(variables, source, context);
  for (const variable of context.container.env ?? []) {
    const value = resolveVariable(variable, variables, context);
    if (value !== undefined) variables.set(variable.name, value);
  }
  return variables;
}

function addAll(variables: Map<string, string>, source: EnvFromSource, { pod, reader }: EnvContext): void {
  const [kind, ref] = source.secretRef
    ? (['Secret', source.secretRef] as const)
    : (['ConfigMap', source.configMapRef] as const);
  if (ref === undefined) return;
  const namespace = pod.metadata.namespace ?? '';
  const data = readData(reader, { kind, namespace, name: ref.name ?? '', optional: ref.optional ?? false });
  for (const [key, value] of data ?? []) {
    const name = `${source.prefix ?? ''}${key}`;
    if (VARIABLE_NAME.test(name)) variables.set(name, value.toString('utf8'));
  }
}

/** undefined: the source is missing and may be. */
function resolveVariable(
  { value, valueFrom }: EnvVar,
  variables: ReadonlyMap<string, string>,
  context: EnvContext,
): string | undefined {
  const { pod, container, facts, reader } = context;
  if (valueFrom === undefined) return expand(value ?? '', variables);
  if (valueFrom.fieldRef) return readField(pod, valueFrom.fieldRef, facts);
  if (valueFrom.resourceFieldRef) return readResource(pod, valueFrom.resourceFieldRef, container.name, facts);
  const namespace = pod.metadata.namespace ?? '';
  if (valueFrom.configMapKeyRef) return readKey(reader, 'ConfigMap', namespace, valueFrom.configMapKeyRef);
  if (valueFrom.secretKeyRef) return readKey(reader, 'Secret', namespace, valueFrom.secretKeyRef);
  if (valueFrom.fileKeyRef) return readFileKey(context, valueFrom.fileKeyRef);
  throw new ConfigError('an environment variable names a source that this kubelet does not support');
}

/** A file that an init container wrote. Source: Kubernetes API reference, FileKeySelector. */
function readFileKey({ readFile }: EnvContext, selector: FileKeySelector): string | undefined {
  const { volumeName, path, key, optional = false } = selector;
  const text = readFile?.(volumeName, path);
  const value = text === undefined ? undefined : parseEnvFile(text).get(key);
  if (value !== undefined || optional) return value;
  if (text === undefined) throw new ConfigError(`couldn't find the file ${path} in volume ${volumeName}`);
  throw new ConfigError(`environment variable key "${key}" not found in file "${path}" of volume ${volumeName}`);
}

/** `KEY=value`, `KEY='value'` or `KEY="value"` a line; empty lines and lines that begin with # say nothing. */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('\n').flatMap((line): [string, string][] => {
    const [, key = '', value = ''] = /^\s*([^#\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const [, , quoted] = /^(['"])(.*)\1$/.exec(value) ?? [];
    return key === '' ? [] : [[key, quoted ?? value]];
  });
  return new Map(pairs);
}

function readKey(
  reader: ConfigReader,
  kind: 'ConfigMap' | 'Secret',
  namespace: string,
  selector: { name?: string; key: string; optional?: boolean },
): string | undefined {
  const { name = '', key, optional = false } = selector;
  const value = readData(reader, { kind, namespace, name, optional })?.get(key);
  if (value !== undefined) return value.toString('utf8');
  if (optional) return undefined;
  throw new ConfigError(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
}
