/** Checks of a pod's volumes: unique names, one source each, and what a source needs. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateConfigKey, validateDns1123Label, validateDns1123Subdomain } from '../../machinery/names.ts';
import type { Volume } from '../volume.ts';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, VolumeProjection } from '../volume-files.ts';
import { checkResourcePath, checkVolumeFieldPath } from './env.ts';
import { checkRange, checkUnique, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkQuantity } from './resources.ts';
import { checkRelativePath, checkRequiredText, checkText } from './text.ts';

const MAX_MODE = 0o777;

/** A token shorter-lived than this would be renewed all the time. */
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

export function checkVolumes(field: string, volumes: readonly Volume[] = []): FieldError[] {
  return [
    ...volumes.flatMap((volume, index) => checkVolume(`${field}[${index}]`, volume)),
    ...checkUnique(
      volumes,
      ({ name }) => name,
      (index) => `${field}[${index}].name`,
    ),
  ];
}

function checkVolume(field: string, volume: Volume): FieldError[] {
  const [, ...surplus] = Object.keys(volume).filter((key) => key !== 'name');
  return [
    ...checkText(`${field}.name`, volume.name, validateDns1123Label),
    ...surplus.map((key) => forbiddenValue(`${field}.${key}`, 'may not specify more than 1 volume type')),
    ...checkFileSources(field, volume),
    ...checkStorageSources(field, volume),
  ];
}

function checkFileSources(field: string, { configMap, secret, downwardAPI, projected }: Volume): FieldError[] {
  return [
    ...(configMap ? checkRequiredText(`${field}.configMap.name`, configMap.name, validateDns1123Subdomain) : []),
    ...checkFiles(`${field}.configMap`, configMap),
    ...(secret ? checkRequiredText(`${field}.secret.secretName`, secret.secretName, validateDns1123Subdomain) : []),
    ...checkFiles(`${field}.secret`, secret),
    ...checkRange(`${field}.downwardAPI.defaultMode`, downwardAPI?.defaultMode, 0, MAX_MODE),
    ...checkDownwardFiles(`${field}.downwardAPI`, downwardAPI?.items),
    ...(projected ? checkProjected(`${field}.projected`, projected) : []),
  ];
}

function checkStorageSources(field: string, volume: Volume): FieldError[] {
  const { hostPath, emptyDir, nfs, persistentVolumeClaim: claim, ephemeral, csi, image } = volume;
  return [
    ...checkText(`${field}.hostPath.path`, hostPath?.path, checkHostPath),
    ...checkQuantity(`${field}.emptyDir.sizeLimit`, emptyDir?.sizeLimit),
    ...checkText(`${field}.nfs.server`, nfs?.server),
    ...checkText(`${field}.nfs.path`, nfs?.path, (path) => (path.startsWith('/') ? [] : ['must be an absolute path'])),
    ...checkText(`${field}.persistentVolumeClaim.claimName`, claim?.claimName),
    ...(ephemeral && !ephemeral.volumeClaimTemplate ? [requiredValue(`${field}.ephemeral.volumeClaimTemplate`)] : []),
    ...checkText(`${field}.csi.driver`, csi?.driver, validateDns1123Subdomain),
    ...(image ? checkRequiredText(`${field}.image.reference`, image.reference) : []),
  ];
}

function checkHostPath(path: string): string[] {
  return path.split('/').includes('..') ? ["must not contain '..'"] : [];
}

function checkFiles(
  field: string,
  source: { items?: readonly KeyToPath[]; defaultMode?: number } | undefined,
): FieldError[] {
  return [
    ...checkRange(`${field}.defaultMode`, source?.defaultMode, 0, MAX_MODE),
    ...(source?.items ?? []).flatMap(({ key, path, mode }, index) => [
      ...checkText(`${field}.items[${index}].key`, key, validateConfigKey),
      ...checkFilePath(`${field}.items[${index}].path`, path),
      ...checkRange(`${field}.items[${index}].mode`, mode, 0, MAX_MODE),
    ]),
  ];
}

/** A file of a volume: below its root, and not where the kubelet keeps its own links. */
function checkFilePath(field: string, path: string | undefined): FieldError[] {
  if (path?.startsWith('..')) return [invalidValue(field, path, "must not start with '..'")];
  return [...checkText(field, path), ...checkRelativePath(field, path)];
}

function checkDownwardFiles(field: string, files: readonly DownwardAPIVolumeFile[] = []): FieldError[] {
  return files.flatMap(({ path, fieldRef, resourceFieldRef, mode }, index) => {
    const item = `${field}.items[${index}]`;
    const chosen = [fieldRef, resourceFieldRef].filter((source) => source !== undefined).length;
    return [
      ...checkFilePath(`${item}.path`, path),
      ...checkRange(`${item}.mode`, mode, 0, MAX_MODE),
      ...(chosen === 0 ? [requiredValue(item, 'needs fieldRef or resourceFieldRef')] : []),
      ...(chosen === 2 ? [invalidValue(item, path, 'takes fieldRef or resourceFieldRef, not both')] : []),
      ...(fieldRef ? checkVolumeFieldPath(`${item}.fieldRef.fieldPath`, fieldRef.fieldPath) : []),
      ...(resourceFieldRef ? checkContainerAmount(`${item}.resourceFieldRef`, resourceFieldRef) : []),
    ];
  });
}

function checkContainerAmount(field: string, reference: { containerName?: string; resource: string }): FieldError[] {
  return [
    ...checkRequiredText(`${field}.containerName`, reference.containerName),
    ...checkResourcePath(`${field}.resource`, reference.resource),
  ];
}

function checkProjected(field: string, { sources = [], defaultMode }: ProjectedVolumeSource): FieldError[] {
  return [
    ...checkRange(`${field}.defaultMode`, defaultMode, 0, MAX_MODE),
    ...sources.flatMap((source, index) => checkProjection(`${field}.sources[${index}]`, source)),
  ];
}

function checkProjection(field: string, projection: VolumeProjection): FieldError[] {
  const [first, ...surplus] = Object.keys(projection);
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = projection;
  return [
    ...(first === undefined ? [requiredValue(field, 'one of the sources must be specified')] : []),
    ...surplus.map((key) => forbiddenValue(`${field}.${key}`, 'may not specify more than 1 volume type')),
    ...(configMap ? checkRequiredText(`${field}.configMap.name`, configMap.name, validateDns1123Subdomain) : []),
    ...checkFiles(`${field}.configMap`, configMap),
    ...(secret ? checkRequiredText(`${field}.secret.name`, secret.name, validateDns1123Subdomain) : []),
    ...checkFiles(`${field}.secret`, secret),
    ...checkDownwardFiles(`${field}.downwardAPI`, downwardAPI?.items),
    ...checkFilePath(`${field}.serviceAccountToken.path`, token?.path),
    ...checkRange(
      `${field}.serviceAccountToken.expirationSeconds`,
      token?.expirationSeconds,
      MIN_TOKEN_SECONDS,
      MAX_TOKEN_SECONDS,
    ),
  ];
}
