/** Checks of environment variables and of the sources of their values. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateConfigKey, validateDns1123Subdomain, validateEnvName } from '../../machinery/names.ts';
import type { EnvFromSource, EnvVar, EnvVarSource } from '../env.ts';
import { invalidValue, unsupportedValue } from './field-error.ts';
import { checkOptionalText, checkRelativePath, checkText } from './text.ts';

export function checkEnv(field: string, variables: readonly EnvVar[] = []): FieldError[] {
  return variables.flatMap(({ name, value, valueFrom }, index) => {
    const path = `${field}[${index}]`;
    return [
      ...checkText(`${path}.name`, name, validateEnvName),
      ...(valueFrom ? checkSource(`${path}.valueFrom`, valueFrom, value) : []),
    ];
  });
}

export function checkEnvFrom(field: string, sources: readonly EnvFromSource[] = []): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const path = `${field}[${index}]`;
    const chosen = [configMapRef, secretRef].filter((source) => source !== undefined).length;
    return [
      ...checkOptionalText(`${path}.prefix`, prefix, validateEnvName),
      ...(chosen === 1 ? [] : [invalidValue(path, '', oneSource(chosen, 'configMapRef or secretRef'))]),
      ...checkText(`${path}.configMapRef.name`, nameIn(configMapRef), validateDns1123Subdomain),
      ...checkText(`${path}.secretRef.name`, nameIn(secretRef), validateDns1123Subdomain),
    ];
  });
}

/** The name of a reference that is there, empty when it has none. */
function nameIn(reference: { name?: string } | undefined): string | undefined {
  return reference && (reference.name ?? '');
}

function oneSource(count: number, choices: string): string {
  return count === 0 ? `must specify one of: ${choices}` : 'may not have more than one field specified at a time';
}

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'] as const;

function checkSource(field: string, source: EnvVarSource, value: string | undefined): FieldError[] {
  const chosen = SOURCES.filter((name) => source[name] !== undefined).length;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  return [
    ...(chosen === 1 ? [] : [invalidValue(field, '', oneSource(chosen, SOURCES.join(', ')))]),
    ...(chosen > 0 && value ? [invalidValue(field, '', 'may not be specified when `value` is not empty')] : []),
    ...(fieldRef ? checkEnvFieldPath(`${field}.fieldRef.fieldPath`, fieldRef.fieldPath) : []),
    ...(resourceFieldRef ? checkResourcePath(`${field}.resourceFieldRef.resource`, resourceFieldRef.resource) : []),
    ...checkKeyRef(`${field}.configMapKeyRef`, configMapKeyRef),
    ...checkKeyRef(`${field}.secretKeyRef`, secretKeyRef),
    ...checkRelativePath(`${field}.fileKeyRef.path`, fileKeyRef?.path),
  ];
}

function checkKeyRef(field: string, reference: { name?: string; key: string } | undefined): FieldError[] {
  return [
    ...checkText(`${field}.name`, nameIn(reference), validateDns1123Subdomain),
    ...checkText(`${field}.key`, reference?.key, validateConfigKey),
  ];
}

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** `metadata.labels['key']` and `metadata.annotations['key']` name one label or annotation. */
const SUBSCRIPT = /^metadata\.(labels|annotations)\['[^']+'\]$/;

function checkEnvFieldPath(field: string, path: string): FieldError[] {
  return SUBSCRIPT.test(path ?? '') ? [] : checkFieldPath(field, path, ENV_FIELDS);
}

const VOLUME_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.labels',
  'metadata.annotations',
  'metadata.uid',
];

/** Files may hold all labels or annotations at once; they change with the pod, unlike variables. */
export function checkVolumeFieldPath(field: string, path: string): FieldError[] {
  return SUBSCRIPT.test(path ?? '') ? [] : checkFieldPath(field, path, VOLUME_FIELDS);
}

function checkFieldPath(field: string, path: string, supported: readonly string[]): FieldError[] {
  if (!path) return checkText(field, path);
  return supported.includes(path) ? [] : [unsupportedValue(field, path, supported)];
}

const RESOURCE_PATH = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/;

const RESOURCE_PATHS = ['limits', 'requests'].flatMap((kind) =>
  ['cpu', 'memory', 'ephemeral-storage'].map((name) => `${kind}.${name}`),
);

export function checkResourcePath(field: string, path: string): FieldError[] {
  if (!path) return checkText(field, path);
  return RESOURCE_PATH.test(path) ? [] : [unsupportedValue(field, path, RESOURCE_PATHS)];
}
