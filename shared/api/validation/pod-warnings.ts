/**
 * What a pod's specification asks for and a board with Docker does not give, told to whoever writes it (as a Warning beside the
 * answer). The object is stored all the same: it is valid, and manifests are shared with other clusters. docs/pod-spec.md has
 * the whole list, and a test compares them.
 */
import type { Container } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { PodTemplateSpec } from '../pod-template.ts';
import type { Volume } from '../volume.ts';

const NOT_STARTED = 'is not served by the nodes of this cluster; the pod will not start';
const NO_EFFECT = 'has no effect on the nodes of this cluster';

/** Sources of volumes that a node mounts. */
const SERVED_SOURCES: ReadonlySet<string> = new Set([
  ...['configMap', 'secret', 'downwardAPI', 'projected'],
  ...['emptyDir', 'hostPath', 'persistentVolumeClaim', 'ephemeral'],
]);

const SERVED_MEDIA: ReadonlySet<string> = new Set(['', 'Memory']);

/** Properties of a claim that no provisioner here looks at. */
const IDLE_CLAIM_FIELDS = ['dataSource', 'dataSourceRef', 'volumeAttributesClassName'] as const;

export function podSpecWarnings(field: string, spec: PodSpec): string[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  return [
    ...(spec.hostUsers === false ? [`${field}.hostUsers: false ${NOT_STARTED}`] : []),
    ...(spec.resourceClaims?.length ? [`${field}.resourceClaims ${NOT_STARTED}`] : []),
    ...(spec.workloadRef ? [`${field}.workloadRef ${NO_EFFECT}`] : []),
    ...idle(`${field}.securityContext`, spec.securityContext, [
      'seLinuxOptions',
      'seLinuxChangePolicy',
      'windowsOptions',
    ]),
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeWarnings(`${field}.volumes[${index}]`, volume)),
    ...containerWarnings(`${field}.containers`, containers),
    ...containerWarnings(`${field}.initContainers`, initContainers),
    ...containerWarnings(`${field}.ephemeralContainers`, ephemeralContainers),
  ];
}

/** Of a workload's pods. */
export function templateWarnings(field: string, template: PodTemplateSpec | undefined): string[] {
  return template?.spec === undefined ? [] : podSpecWarnings(`${field}.spec`, template.spec);
}

/** Fields that are set and do nothing. */
function idle<T extends object>(field: string, value: T | undefined, names: readonly (keyof T & string)[]): string[] {
  return names.filter((name) => value?.[name] !== undefined).map((name) => `${field}.${name} ${NO_EFFECT}`);
}

function volumeWarnings(field: string, volume: Volume): string[] {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  const medium = volume.emptyDir?.medium ?? '';
  return [
    ...sources.filter((source) => !SERVED_SOURCES.has(source)).map((source) => `${field}.${source} ${NOT_STARTED}`),
    ...(SERVED_MEDIA.has(medium) ? [] : [`${field}.emptyDir.medium: ${medium} ${NOT_STARTED}`]),
    ...(volume.projected?.sources ?? []).flatMap((source, index) =>
      (['clusterTrustBundle', 'podCertificate'] as const)
        .filter((name) => source[name] !== undefined)
        .map((name) => `${field}.projected.sources[${index}].${name} ${NOT_STARTED}`),
    ),
    ...idle(
      `${field}.ephemeral.volumeClaimTemplate.spec`,
      volume.ephemeral?.volumeClaimTemplate?.spec,
      IDLE_CLAIM_FIELDS,
    ),
  ];
}

type Described = Pick<Container, 'resources' | 'securityContext'>;

function containerWarnings(field: string, containers: readonly Described[]): string[] {
  return containers.flatMap(({ resources, securityContext }, index) => {
    const at = `${field}[${index}]`;
    return [
      ...(resources?.claims?.length ? [`${at}.resources.claims ${NOT_STARTED}`] : []),
      ...(securityContext?.procMount === 'Unmasked'
        ? [`${at}.securityContext.procMount: Unmasked ${NOT_STARTED}`]
        : []),
      ...idle(`${at}.securityContext`, securityContext, ['seLinuxOptions', 'windowsOptions']),
    ];
  });
}
