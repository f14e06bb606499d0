/**
 * Rights of a pod's processes. What a container says wins over what its pod says. Source: Kubernetes API reference,
 * core/v1 SecurityContext.
 */
import type { Static } from 'typebox';
import { bool, int64, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';

export const CapabilitiesSchema = object('Capabilities', "Linux capabilities beyond or below the runtime's usual set", {
  add: strings(1, 'capabilities to add, without CAP_'),
  drop: strings(2, 'capabilities to drop; ALL drops every one'),
});

export type Capabilities = Static<typeof CapabilitiesSchema>;

export const SELinuxOptionsSchema = object('SELinuxOptions', 'SELinux context of a process', {
  user: str(1, 'SELinux user'),
  role: str(2, 'SELinux role'),
  type: str(3, 'SELinux type'),
  level: str(4, 'SELinux level'),
});

export type SELinuxOptions = Static<typeof SELinuxOptionsSchema>;

export const SeccompProfileSchema = object('SeccompProfile', 'Which system calls are allowed', {
  type: required(oneOf(1, ['Localhost', 'RuntimeDefault', 'Unconfined'], 'which profile')),
  localhostProfile: str(2, 'file on the node, for type Localhost'),
});

export type SeccompProfile = Static<typeof SeccompProfileSchema>;

export const AppArmorProfileSchema = object('AppArmorProfile', 'Which AppArmor profile confines the process', {
  type: required(oneOf(1, ['Localhost', 'RuntimeDefault', 'Unconfined'], 'which profile')),
  localhostProfile: str(2, 'name of a profile loaded on the node, for type Localhost'),
});

export type AppArmorProfile = Static<typeof AppArmorProfileSchema>;

export const WindowsSecurityContextOptionsSchema = object(
  'WindowsSecurityContextOptions',
  'Rights on Windows nodes; not used on boards',
  {
    gmsaCredentialSpecName: str(1, 'name of the credential spec'),
    gmsaCredentialSpec: str(2, 'the credential spec itself'),
    runAsUserName: str(3, 'user that runs the process'),
    hostProcess: bool(4, 'whether the container runs as a host process'),
  },
);

export type WindowsSecurityContextOptions = Static<typeof WindowsSecurityContextOptionsSchema>;

export const SecurityContextSchema = object('SecurityContext', 'Rights of one container', {
  capabilities: ref(1, CapabilitiesSchema, 'Linux capabilities to add and drop'),
  privileged: bool(2, 'all rights of root on the node'),
  seLinuxOptions: ref(3, SELinuxOptionsSchema, 'SELinux context'),
  windowsOptions: ref(10, WindowsSecurityContextOptionsSchema, 'rights on Windows nodes'),
  runAsUser: int64(4, 'user id of the first process'),
  runAsGroup: int64(8, 'group id of the first process'),
  runAsNonRoot: bool(5, 'refuse to start as user id 0'),
  readOnlyRootFilesystem: bool(6, "mount the image's file system read-only"),
  allowPrivilegeEscalation: bool(7, 'whether a process may gain more rights than its parent'),
  procMount: oneOf(9, ['Default', 'Unmasked'], 'how /proc is mounted'),
  seccompProfile: ref(11, SeccompProfileSchema, 'allowed system calls'),
  appArmorProfile: ref(12, AppArmorProfileSchema, 'AppArmor profile'),
});

export type SecurityContext = Static<typeof SecurityContextSchema>;

export const SysctlSchema = object('Sysctl', "One kernel parameter of the pod's namespaces", {
  name: required(str(1, 'name of the parameter')),
  value: required(str(2, 'value of the parameter')),
});

export type Sysctl = Static<typeof SysctlSchema>;

export const PodSecurityContextSchema = object('PodSecurityContext', 'Rights that all containers of a pod share', {
  seLinuxOptions: ref(1, SELinuxOptionsSchema, 'SELinux context'),
  windowsOptions: ref(8, WindowsSecurityContextOptionsSchema, 'rights on Windows nodes'),
  runAsUser: int64(2, 'user id of the first processes'),
  runAsGroup: int64(6, 'group id of the first processes'),
  runAsNonRoot: bool(3, 'refuse to start containers as user id 0'),
  supplementalGroups: list(4, required(int64(undefined, 'one group id')), 'further group ids of the processes'),
  supplementalGroupsPolicy: oneOf(12, ['Merge', 'Strict'], "whether groups of the image's /etc/group count too"),
  fsGroup: int64(5, 'group id that owns the files of volumes'),
  sysctls: list(7, SysctlSchema, 'kernel parameters to set'),
  fsGroupChangePolicy: oneOf(9, ['OnRootMismatch', 'Always'], "when the owner of a volume's files is changed"),
  seccompProfile: ref(10, SeccompProfileSchema, 'allowed system calls'),
  appArmorProfile: ref(11, AppArmorProfileSchema, 'AppArmor profile'),
  seLinuxChangePolicy: oneOf(13, ['MountOption', 'Recursive'], "how a volume's files get their SELinux label"),
});

export type PodSecurityContext = Static<typeof PodSecurityContextSchema>;
