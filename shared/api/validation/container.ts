/** Checks of a pod's containers, of each alone and of all together: names and host ports are unique in a pod. */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Label, validatePortName } from '../../machinery/names.ts';
import type { Container, EphemeralContainer } from '../container.ts';
import type { ContainerPort, VolumeMount } from '../container-fields.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { SecurityContext } from '../security-context.ts';
import { checkContainerLife } from './container-life.ts';
import { checkEnv, checkEnvFrom } from './env.ts';
import {
  checkNotNegative,
  checkRange,
  checkUnique,
  forbiddenValue,
  invalidValue,
  requiredValue,
  valueNotFound,
} from './field-error.ts';
import { checkLifecycle, checkProbe, MAX_PORT } from './probe.ts';
import { checkResources } from './resources.ts';
import { checkContainerSecurity } from './security.ts';
import { checkOptionalText, checkRelativePath, checkRequiredText, checkText } from './text.ts';

type AnyContainer = Container | EphemeralContainer;

interface Placed {
  container: AnyContainer;
  field: string;
}

/** `field` is the path of the spec. */
export function checkContainers(field: string, spec: PodSpec): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const placed = [
    ...placedAt(`${field}.initContainers`, initContainers),
    ...placedAt(`${field}.containers`, containers),
    ...placedAt(`${field}.ephemeralContainers`, ephemeralContainers),
  ];
  return [
    ...(spec.containers?.length === 0 ? [requiredValue(`${field}.containers`)] : []),
    ...placed.flatMap((each) => checkContainer(each, spec)),
    ...placedAt(`${field}.initContainers`, initContainers).flatMap(checkInitContainer),
    ...checkEphemerals(`${field}.ephemeralContainers`, ephemeralContainers, spec),
    ...checkUnique(
      placed,
      ({ container }) => container.name,
      (index) => `${placed[index]?.field}.name`,
    ),
    ...checkHostPorts(`${field}.containers`, containers),
  ];
}

function placedAt(field: string, containers: readonly AnyContainer[]): Placed[] {
  return containers.map((container, index) => ({ container, field: `${field}[${index}]` }));
}

function checkContainer({ container, field }: Placed, spec: PodSpec): FieldError[] {
  return [
    ...checkText(`${field}.name`, container.name, validateDns1123Label),
    ...checkRequiredText(`${field}.image`, container.image, checkImage),
    ...checkPorts(`${field}.ports`, container.ports, spec.hostNetwork ?? false),
    ...checkEnv(`${field}.env`, container.env),
    ...checkEnvFrom(`${field}.envFrom`, container.envFrom),
    ...checkMounts(`${field}.volumeMounts`, container, spec),
    ...checkResources(`${field}.resources`, container.resources),
    ...checkProbe(`${field}.livenessProbe`, container.livenessProbe, 'liveness'),
    ...checkProbe(`${field}.readinessProbe`, container.readinessProbe, 'readiness'),
    ...checkProbe(`${field}.startupProbe`, container.startupProbe, 'startup'),
    ...checkLifecycle(`${field}.lifecycle`, container.lifecycle),
    ...checkSecurity(`${field}.securityContext`, container.securityContext),
    ...checkContainerSecurity(`${field}.securityContext`, container.securityContext, spec),
    ...checkContainerLife(field, container, spec),
    ...checkDevices(`${field}.volumeDevices`, container, spec),
  ];
}

function checkImage(image: string): string[] {
  return image.trim() === image ? [] : ['must not have leading or trailing whitespace'];
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const;

/** An init container ends before the others start, so that nothing asks it how it is; a sidecar runs beside them. */
function checkInitContainer({ container, field }: Placed): FieldError[] {
  if (container.restartPolicy === 'Always') return [];
  return PROBES.filter((name) => container[name] !== undefined).map((name) =>
    forbiddenValue(`${field}.${name}`, 'may not be set for init containers without restartPolicy=Always'),
  );
}

/** An ephemeral container only looks on: it takes no part in the pod's readiness, ports, amounts or restarts. */
const NOT_EPHEMERAL = [...PROBES, 'ports', 'resizePolicy', 'restartPolicy', 'restartPolicyRules'] as const;

/** Also for those that are added to a pod that is there. */
export function checkEphemerals(
  field: string,
  containers: readonly EphemeralContainer[],
  spec: Pick<PodSpec, 'containers' | 'initContainers'>,
): FieldError[] {
  const targets = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  return containers.flatMap((container, index) => {
    const path = `${field}[${index}]`;
    const { targetContainerName: target, volumeMounts = [], resources } = container;
    const amounts = Object.keys({ ...resources?.limits, ...resources?.requests });
    return [
      ...NOT_EPHEMERAL.filter((name) => container[name] !== undefined).map((name) =>
        forbiddenValue(`${path}.${name}`, 'cannot be set for an Ephemeral Container'),
      ),
      ...(amounts.length > 0 ? [forbiddenValue(`${path}.resources`, 'cannot be set for an Ephemeral Container')] : []),
      ...(target && !targets.has(target) ? [valueNotFound(`${path}.targetContainerName`, target)] : []),
      ...volumeMounts.flatMap(({ subPath, subPathExpr }, at) =>
        subPath || subPathExpr
          ? [forbiddenValue(`${path}.volumeMounts[${at}].subPath`, 'cannot be set for an Ephemeral Container')]
          : [],
      ),
    ];
  });
}

function checkPorts(field: string, ports: readonly ContainerPort[] = [], hostNetwork: boolean): FieldError[] {
  return [
    ...ports.flatMap(({ name, containerPort, hostPort }, index) => [
      ...checkOptionalText(`${field}[${index}].name`, name, validatePortName),
      ...checkRange(`${field}[${index}].containerPort`, containerPort, 1, MAX_PORT),
      ...checkRange(`${field}[${index}].hostPort`, hostPort || undefined, 1, MAX_PORT),
      ...(hostNetwork && hostPort && hostPort !== containerPort
        ? [
            invalidValue(
              `${field}[${index}].hostPort`,
              hostPort,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ]
        : []),
    ]),
    ...checkUnique(
      ports,
      ({ name }) => name,
      (index) => `${field}[${index}].name`,
    ),
  ];
}

function checkHostPorts(field: string, containers: readonly Container[]): FieldError[] {
  const taken = containers.flatMap(({ ports = [] }, index) =>
    ports.map((port, at) => ({ port, path: `${field}[${index}].ports[${at}].hostPort` })),
  );
  return checkUnique(
    taken.filter(({ port }) => port.hostPort),
    ({ port }) => `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`,
    (index) => taken.filter(({ port }) => port.hostPort)[index]?.path ?? field,
  );
}

function checkMounts(field: string, { volumeMounts = [], securityContext }: AnyContainer, spec: PodSpec): FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const paths = volumeMounts.map(({ mountPath }) => mountPath);
  return volumeMounts.flatMap((mount, index) => {
    const path = `${field}[${index}]`;
    return [
      ...checkText(`${path}.name`, mount.name),
      ...(mount.name && !volumes.has(mount.name) ? [valueNotFound(`${path}.name`, mount.name)] : []),
      ...checkText(`${path}.mountPath`, mount.mountPath),
      ...(paths.indexOf(mount.mountPath) < index
        ? [invalidValue(`${path}.mountPath`, mount.mountPath, 'must be unique')]
        : []),
      ...checkSubPath(path, mount),
      ...checkPropagation(path, mount, securityContext?.privileged ?? false),
    ];
  });
}

/** Block volumes come from claims. */
function checkDevices(field: string, { volumeDevices = [] }: AnyContainer, spec: PodSpec): FieldError[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return [
    ...volumeDevices.flatMap(({ name, devicePath }, index) => {
      const path = `${field}[${index}]`;
      const volume = volumes.get(name);
      const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
      return [
        ...checkText(`${path}.devicePath`, devicePath),
        ...(volume === undefined ? [valueNotFound(`${path}.name`, name)] : []),
        ...(volume !== undefined && !isClaim
          ? [
              invalidValue(
                `${path}.name`,
                name,
                'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
              ),
            ]
          : []),
      ];
    }),
    ...checkUnique(
      volumeDevices,
      ({ devicePath }) => devicePath,
      (index) => `${field}[${index}].devicePath`,
    ),
  ];
}

function checkSubPath(field: string, { subPath, subPathExpr }: VolumeMount): FieldError[] {
  return [
    ...checkRelativePath(`${field}.subPath`, subPath),
    ...checkRelativePath(`${field}.subPathExpr`, subPathExpr),
    ...(subPath && subPathExpr
      ? [invalidValue(`${field}.subPathExpr`, subPathExpr, 'cannot be combined with `subPath`')]
      : []),
  ];
}

function checkPropagation(
  field: string,
  { mountPropagation, recursiveReadOnly, readOnly }: VolumeMount,
  privileged: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (mountPropagation === 'Bidirectional' && !privileged) {
    errors.push(forbiddenValue(`${field}.mountPropagation`, 'Bidirectional needs a privileged container'));
  }
  if (recursiveReadOnly !== undefined && recursiveReadOnly !== 'Disabled' && !readOnly) {
    errors.push(forbiddenValue(`${field}.recursiveReadOnly`, 'may only be specified when readOnly is true'));
  }
  return errors;
}

function checkSecurity(field: string, context: SecurityContext | undefined): FieldError[] {
  if (context === undefined) return [];
  const { privileged, allowPrivilegeEscalation, capabilities } = context;
  const errors = [
    ...checkNotNegative(`${field}.runAsUser`, context.runAsUser),
    ...checkNotNegative(`${field}.runAsGroup`, context.runAsGroup),
  ];
  if (allowPrivilegeEscalation !== false) return errors;
  if (privileged) {
    const why = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    errors.push(invalidValue(field, context, why));
  }
  if (capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN' || name === 'SYS_ADMIN')) {
    const why = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    errors.push(invalidValue(field, context, why));
  }
  return errors;
}
