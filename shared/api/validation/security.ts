/** Checks of what a pod and its containers may do: profiles of the kernel, how /proc is mounted, kernel parameters. */
import type { FieldError } from '../../machinery/errors.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { AppArmorProfile, SeccompProfile, SecurityContext, Sysctl } from '../security-context.ts';
import { checkUnique, forbiddenValue, invalidValue, requiredValue } from './field-error.ts';
import { checkRelativePath } from './text.ts';

/** What containers and pods have in common. */
interface Profiles {
  seccompProfile?: SeccompProfile;
  appArmorProfile?: AppArmorProfile;
}

export function checkContainerSecurity(
  field: string,
  context: SecurityContext | undefined,
  spec: PodSpec,
): FieldError[] {
  if (context === undefined) return [];
  const why = '`hostUsers` must be false to use `Unmasked`';
  const isExposed = context.procMount === 'Unmasked' && spec.hostUsers !== false;
  return [
    ...checkProfiles(field, context),
    ...(isExposed ? [invalidValue(`${field}.procMount`, context.procMount, why)] : []),
  ];
}

export function checkPodSecurity(field: string, context: PodSpec['securityContext'] | undefined): FieldError[] {
  if (context === undefined) return [];
  return [...checkProfiles(field, context), ...checkSysctls(`${field}.sysctls`, context.sysctls)];
}

function checkProfiles(field: string, { seccompProfile, appArmorProfile }: Profiles): FieldError[] {
  const seccomp = `${field}.seccompProfile`;
  return [
    ...checkLocalhost(seccomp, seccompProfile),
    ...checkRelativePath(`${seccomp}.localhostProfile`, seccompProfile?.localhostProfile),
    ...checkLocalhost(`${field}.appArmorProfile`, appArmorProfile),
  ];
}

/** A file or name of the node is named for the type Localhost, and for no other. */
function checkLocalhost(field: string, profile: { type: string; localhostProfile?: string } | undefined): FieldError[] {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const path = `${field}.localhostProfile`;
  if (type === 'Localhost' && !localhostProfile) return [requiredValue(path, 'must be set when type is Localhost')];
  if (type === 'Localhost' || localhostProfile === undefined) return [];
  return [forbiddenValue(path, 'can only be set when type is Localhost')];
}

/** `net.ipv4.ip_unprivileged_port_start`, parts separated by dots or slashes. */
const SYSCTL = /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/;

function checkSysctls(field: string, sysctls: readonly Sysctl[] = []): FieldError[] {
  return [
    ...sysctls.flatMap(({ name }, index) => {
      if (!name) return [requiredValue(`${field}[${index}].name`)];
      return SYSCTL.test(name) ? [] : [invalidValue(`${field}[${index}].name`, name, 'must be the name of a sysctl')];
    }),
    ...checkUnique(
      sysctls,
      ({ name }) => name,
      (index) => `${field}[${index}].name`,
    ),
  ];
}
