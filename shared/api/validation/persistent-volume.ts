/** Checks of a PersistentVolume: a size, one source that never changes, and where it can be reached. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateDns1123Subdomain } from '../../machinery/names.ts';
import type { PersistentVolumeSpec } from '../persistent-volume-spec.ts';
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue } from './field-error.ts';
import { nanosOf } from './resources.ts';
import { checkNodeTerm } from './scheduling.ts';
import { checkOptionalText, checkText } from './text.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'] as const;

/** Every other member of a volume's specification is a source. */
const NO_SOURCES: ReadonlySet<string> = new Set([
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]);

export function checkPersistentVolume(spec: PersistentVolumeSpec, old?: PersistentVolumeSpec): FieldError[] {
  return [
    ...checkCapacity(spec),
    ...checkAccessModes('spec.accessModes', spec.accessModes),
    ...checkSource(spec),
    ...checkOptionalText('spec.storageClassName', spec.storageClassName, validateDns1123Subdomain),
    ...checkAffinity(spec),
    ...(old ? checkChange(spec, old) : []),
  ];
}

function checkCapacity({ capacity = {} }: PersistentVolumeSpec): FieldError[] {
  const names = Object.keys(capacity);
  if (names.length === 0) return [requiredValue('spec.capacity')];
  if (names.length > 1 || names[0] !== 'storage') return [unsupportedValue('spec.capacity', capacity, ['storage'])];
  return checkPositive('spec.capacity[storage]', capacity['storage']);
}

/** An amount that is no quantity has been reported by the schema. */
export function checkPositive(field: string, amount: string | undefined): FieldError[] {
  const nanos = nanosOf(amount);
  return nanos !== undefined && nanos <= 0n ? [invalidValue(field, amount, 'must be greater than zero')] : [];
}

export function checkAccessModes(field: string, modes: readonly string[] = []): FieldError[] {
  const known: readonly string[] = ACCESS_MODES;
  if (modes.length === 0) return [requiredValue(field, 'at least 1 access mode is required')];
  const unknown = modes.filter((mode) => !known.includes(mode));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    return [forbiddenValue(field, 'may not use ReadWriteOncePod with other access modes')];
  }
  return unknown.map((mode) => unsupportedValue(field, mode, known));
}

function sourcesOf(spec: PersistentVolumeSpec): Record<string, unknown> {
  return Object.fromEntries(Object.entries(spec).filter(([key, value]) => !NO_SOURCES.has(key) && value !== undefined));
}

function checkSource(spec: PersistentVolumeSpec): FieldError[] {
  const [first, ...surplus] = Object.keys(sourcesOf(spec));
  const { hostPath, local, nfs, csi } = spec;
  const recyclesRoot = hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle';
  return [
    ...(first === undefined ? [requiredValue('spec', 'must specify a volume type')] : []),
    ...surplus.map((key) => forbiddenValue(`spec.${key}`, 'may not specify more than 1 volume type')),
    ...checkText('spec.hostPath.path', hostPath?.path, withoutBacksteps),
    ...checkText('spec.local.path', local?.path, withoutBacksteps),
    ...checkText('spec.nfs.server', nfs?.server),
    ...checkText('spec.nfs.path', nfs?.path, (path) => (path.startsWith('/') ? [] : ['must be an absolute path'])),
    ...checkText('spec.csi.driver', csi?.driver, validateDns1123Subdomain),
    ...checkText('spec.csi.volumeHandle', csi?.volumeHandle),
    ...(recyclesRoot ? [forbiddenValue('spec', "may not be 'recycle' for a hostPath mount of '/'")] : []),
  ];
}

function withoutBacksteps(path: string): string[] {
  return path.split('/').includes('..') ? ["must not contain '..'"] : [];
}

function checkAffinity({ nodeAffinity, local }: PersistentVolumeSpec): FieldError[] {
  const field = 'spec.nodeAffinity.required';
  if (nodeAffinity === undefined) {
    return local ? [requiredValue('spec.nodeAffinity', 'Local volume requires node affinity')] : [];
  }
  if (nodeAffinity.required === undefined) return [requiredValue(field, 'must specify required node constraints')];
  const terms = nodeAffinity.required.nodeSelectorTerms;
  if (terms.length === 0) {
    return [requiredValue(`${field}.nodeSelectorTerms`, 'must have at least one node selector term')];
  }
  return terms.flatMap((term, index) => checkNodeTerm(`${field}.nodeSelectorTerms[${index}]`, term));
}

function checkChange(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!jsonEqual(sourcesOf(spec), sourcesOf(old))) {
    errors.push(
      forbiddenValue('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
    );
  }
  if (spec.volumeMode !== old.volumeMode) {
    errors.push(invalidValue('spec.volumeMode', spec.volumeMode, 'field is immutable'));
  }
  if (old.nodeAffinity !== undefined && !jsonEqual(spec.nodeAffinity, old.nodeAffinity)) {
    errors.push(invalidValue('spec.nodeAffinity', spec.nodeAffinity, 'field is immutable'));
  }
  return errors;
}
