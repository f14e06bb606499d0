/** Checks of a pod's spec beyond its schema, for pods and for templates. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Subdomain, validateQualifiedName } from '../../machinery/names.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { PodTemplateSpec } from '../pod-template.ts';
import { checkContainers } from './container.ts';
import {
  checkNotNegative,
  checkRange,
  checkUnique,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from './field-error.ts';
import { checkAnnotations, checkLabels } from './labels.ts';
import { checkAffinity, checkSpread, checkTolerations } from './scheduling.ts';
import { checkPodSecurity } from './security.ts';
import { checkIpAddress, checkLabel, checkOptionalText, checkSubdomain, checkText } from './text.ts';
import { checkVolumes } from './volume.ts';

const MAX_INT32 = 2 ** 31 - 1;

/** As many as a resolver reads (resolv.conf(5)). */
const MAX_NAMESERVERS = 3;

/** As many as Linux takes for a host name. */
const MAX_HOSTNAME_CHARS = 64;

/** As many as glibc reads. */
const MAX_SEARCHES = 32;

export function checkPodSpec(field: string, spec: PodSpec): FieldError[] {
  return [
    ...checkVolumes(`${field}.volumes`, spec.volumes),
    ...checkContainers(field, spec),
    ...checkPlacement(field, spec),
    ...checkIdentity(field, spec),
    ...checkDns(field, spec),
    ...checkHostname(field, spec),
    ...checkHostAccess(field, spec),
    ...checkPodSecurity(`${field}.securityContext`, spec.securityContext),
    ...checkNotNegative(`${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...checkRange(`${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, MAX_INT32),
  ];
}

/** The template of a workload: its labels and annotations, and its pods, which must restart for ever. */
export function checkPodTemplate(field: string, template: PodTemplateSpec): FieldError[] {
  const { metadata, spec } = template;
  const errors = [
    ...checkLabels(`${field}.metadata.labels`, metadata?.labels),
    ...checkAnnotations(`${field}.metadata.annotations`, metadata?.annotations),
    ...checkPodSpec(`${field}.spec`, spec),
  ];
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenValue(`${field}.spec.ephemeralContainers`, 'a template has none'));
  }
  return errors;
}

function checkPlacement(field: string, spec: PodSpec): FieldError[] {
  return [
    ...checkLabels(`${field}.nodeSelector`, spec.nodeSelector),
    ...checkSubdomain(`${field}.nodeName`, spec.nodeName),
    ...checkAffinity(`${field}.affinity`, spec.affinity),
    ...checkTolerations(`${field}.tolerations`, spec.tolerations),
    ...checkSpread(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints),
    ...checkSubdomain(`${field}.schedulerName`, spec.schedulerName),
    ...checkSubdomain(`${field}.priorityClassName`, spec.priorityClassName),
    ...checkSubdomain(`${field}.runtimeClassName`, spec.runtimeClassName),
    ...checkUnique(
      spec.schedulingGates ?? [],
      ({ name }) => name,
      (index) => `${field}.schedulingGates[${index}]`,
    ),
    ...(spec.schedulingGates?.length && spec.nodeName
      ? [forbiddenValue(`${field}.nodeName`, 'cannot be set while there are scheduling gates')]
      : []),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, index) =>
      checkText(`${field}.readinessGates[${index}].conditionType`, conditionType, validateQualifiedName),
    ),
  ];
}

function checkIdentity(field: string, spec: PodSpec): FieldError[] {
  return [
    ...checkSubdomain(`${field}.serviceAccountName`, spec.serviceAccountName),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, index) =>
      checkOptionalText(`${field}.imagePullSecrets[${index}].name`, name, validateDns1123Subdomain),
    ),
    ...checkLabel(`${field}.hostname`, spec.hostname),
    ...checkLabel(`${field}.subdomain`, spec.subdomain),
    ...checkSubdomain(`${field}.hostnameOverride`, spec.hostnameOverride),
    ...checkNotNegative(`${field}.securityContext.runAsUser`, spec.securityContext?.runAsUser),
    ...checkNotNegative(`${field}.securityContext.runAsGroup`, spec.securityContext?.runAsGroup),
    ...checkNotNegative(`${field}.securityContext.fsGroup`, spec.securityContext?.fsGroup),
    ...(spec.securityContext?.supplementalGroups ?? []).flatMap((group, index) =>
      checkNotNegative(`${field}.securityContext.supplementalGroups[${index}]`, group),
    ),
  ];
}

function checkDns(field: string, { dnsPolicy, dnsConfig, hostAliases }: PodSpec): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const servers = `${field}.dnsConfig.nameservers`;
  return [
    ...(dnsPolicy === 'None' && dnsConfig === undefined
      ? [requiredValue(`${field}.dnsConfig`, 'is needed when `dnsPolicy` is None')]
      : []),
    ...(dnsPolicy === 'None' && dnsConfig !== undefined && nameservers.length === 0
      ? [requiredValue(servers, 'needs an address when `dnsPolicy` is None')]
      : []),
    ...tooMany(servers, nameservers, MAX_NAMESERVERS),
    ...nameservers.flatMap((server, index) => checkIpAddress(`${servers}[${index}]`, server)),
    ...tooMany(`${field}.dnsConfig.searches`, searches, MAX_SEARCHES),
    ...options.flatMap(({ name }, index) => (name ? [] : [requiredValue(`${field}.dnsConfig.options[${index}]`)])),
    ...(hostAliases ?? []).flatMap(({ ip }, index) => checkIpAddress(`${field}.hostAliases[${index}].ip`, ip)),
  ];
}

/** How the pod calls itself: an override leaves nothing for the other rules. */
function checkHostname(field: string, spec: PodSpec): FieldError[] {
  const { hostnameOverride } = spec;
  if (!hostnameOverride) return [];
  const clashes = (['setHostnameAsFQDN', 'hostNetwork'] as const).filter((name) => spec[name]);
  const isLong = hostnameOverride.length > MAX_HOSTNAME_CHARS;
  return [
    ...clashes.map((name) => forbiddenValue(`${field}.hostnameOverride`, `may not be set together with \`${name}\``)),
    ...(isLong
      ? [
          invalidValue(
            `${field}.hostnameOverride`,
            hostnameOverride,
            `must be no more than ${MAX_HOSTNAME_CHARS} characters`,
          ),
        ]
      : []),
  ];
}

function tooMany(field: string, values: readonly string[], max: number): FieldError[] {
  return values.length <= max ? [] : [invalidValue(field, values, `must not have more than ${max} entries`)];
}

function checkHostAccess(field: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.shareProcessNamespace && spec.hostPID) {
    const why = 'cannot be combined with `hostPID`';
    errors.push(invalidValue(`${field}.shareProcessNamespace`, true, why));
  }
  if (spec.hostUsers !== false) return errors;
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[name]) errors.push(forbiddenValue(`${field}.${name}`, 'when `hostUsers` is false'));
  }
  return errors;
}
