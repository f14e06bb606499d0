/** Checks of a StorageClass: it never changes, because its volumes have been made by it. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateQualifiedName } from '../../machinery/names.ts';
import { checkUnique, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkText } from './text.ts';

/** Kubernetes' bounds on the options of a provisioner. */
const MAX_PARAMETERS = 512;
const MAX_PARAMETER_CHARS = 256 * 1024;

interface StorageClass {
  provisioner: string;
  parameters?: Readonly<Record<string, string>>;
  reclaimPolicy: string;
  volumeBindingMode: string;
  allowedTopologies?: readonly { matchLabelExpressions?: readonly { key: string; values: readonly string[] }[] }[];
}

export function checkStorageClass(storageClass: StorageClass, old?: StorageClass): FieldError[] {
  const { provisioner, parameters = {}, allowedTopologies = [] } = storageClass;
  return [
    ...checkText('provisioner', provisioner, (name) => validateQualifiedName(name.toLowerCase())),
    ...checkParameters(parameters),
    ...allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) => {
      const field = `allowedTopologies[${index}].matchLabelExpressions`;
      return [
        ...matchLabelExpressions.flatMap(({ key, values }, at) => [
          ...checkText(`${field}[${at}].key`, key, validateQualifiedName),
          ...(values.length === 0 ? [requiredValue(`${field}[${at}].values`)] : []),
          ...checkUnique(values, String, (which) => `${field}[${at}].values[${which}]`),
        ]),
      ];
    }),
    ...(old ? checkChange(storageClass, old) : []),
  ];
}

function checkParameters(parameters: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(parameters);
  const chars = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return [
    ...(entries.length > MAX_PARAMETERS ? [invalidValue('parameters', entries.length, 'too many parameters')] : []),
    ...(chars > MAX_PARAMETER_CHARS ? [invalidValue('parameters', chars, 'parameters are too long')] : []),
    ...(entries.some(([key]) => key === '') ? [invalidValue('parameters', '', 'field can not be empty.')] : []),
  ];
}

function checkChange(next: StorageClass, old: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
    if (jsonEqual(next[field] ?? {}, old[field] ?? {})) continue;
    const why =
      field === 'parameters' || field === 'provisioner' ? `updates to ${field} are forbidden.` : 'field is immutable';
    errors.push(field === 'volumeBindingMode' ? invalidValue(field, next[field], why) : forbiddenValue(field, why));
  }
  return errors;
}
