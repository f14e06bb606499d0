/** Checks of a claim: what it asks for is possible, and does not change once asked for, but for what binding fills in. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateDns1123Subdomain } from '../../machinery/names.ts';
import type { PersistentVolumeClaimSpec } from '../volume-storage.ts';
import { forbiddenValue, requiredValue } from './field-error.ts';
import { checkLabelSelector } from './labels.ts';
import { checkAccessModes, checkPositive } from './persistent-volume.ts';
import { nanosOf } from './resources.ts';
import { checkOptionalText, checkText } from './text.ts';

const IMMUTABLE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** As much of a claim as its rules look at. */
interface PersistentVolumeClaim {
  spec: PersistentVolumeClaimSpec;
  status: { phase: string; capacity?: Readonly<Record<string, string>> };
}

export function checkPersistentVolumeClaim(claim: PersistentVolumeClaim, old?: PersistentVolumeClaim): FieldError[] {
  return [...checkClaimSpec('spec', claim.spec), ...(old ? checkChange(claim.spec, old) : [])];
}

/** Of a claim, or of the template of one in a pod or StatefulSet. */
export function checkClaimSpec(field: string, spec: PersistentVolumeClaimSpec): FieldError[] {
  const { resources, selector, storageClassName, dataSource, volumeAttributesClassName: attributes } = spec;
  const storage = resources.requests?.['storage'];
  return [
    ...checkLabelSelector(`${field}.selector`, selector),
    ...checkAccessModes(`${field}.accessModes`, spec.accessModes),
    ...(storage === undefined ? [requiredValue(`${field}.resources[storage]`)] : []),
    ...checkPositive(`${field}.resources[storage]`, storage),
    ...checkOptionalText(`${field}.storageClassName`, storageClassName, validateDns1123Subdomain),
    ...checkOptionalText(`${field}.volumeAttributesClassName`, attributes, validateDns1123Subdomain),
    ...checkText(`${field}.dataSource.name`, dataSource?.name),
    ...checkText(`${field}.dataSource.kind`, dataSource?.kind),
  ];
}

function checkChange(spec: PersistentVolumeClaimSpec, { spec: old, status }: PersistentVolumeClaim): FieldError[] {
  const isBound = status.phase === 'Bound';
  const expected: PersistentVolumeClaimSpec = {
    ...old,
    // Binding fills in the volume; a default class that appears later is filled in, too.
    ...(old.volumeName || !spec.volumeName ? {} : { volumeName: spec.volumeName }),
    ...(old.storageClassName === undefined && spec.storageClassName !== undefined
      ? { storageClassName: spec.storageClassName }
      : {}),
    ...(isBound && spec.resources.requests
      ? { resources: { ...old.resources, requests: spec.resources.requests } }
      : {}),
    ...(isBound && spec.volumeAttributesClassName !== undefined
      ? { volumeAttributesClassName: spec.volumeAttributesClassName }
      : {}),
  };
  if (!jsonEqual(spec, expected)) return [forbiddenValue('spec', IMMUTABLE)];
  return isBound ? checkShrinking(spec, old, status.capacity?.['storage']) : [];
}

/** A wish that was never fulfilled may be taken back, down to what the volume has. */
function checkShrinking(
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec,
  capacity: string | undefined,
): FieldError[] {
  const sizes = [spec.resources.requests?.['storage'], old.resources.requests?.['storage'], capacity];
  const [wanted, before, present] = sizes.map(nanosOf);
  if (wanted === undefined || before === undefined || present === undefined) return [];
  if (wanted >= before || wanted >= present) return [];
  return [forbiddenValue('spec.resources.requests.storage', 'field can not be less than status.capacity')];
}
