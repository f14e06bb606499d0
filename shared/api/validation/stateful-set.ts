/** Checks of a StatefulSet; what its pods and their volumes are built on never changes. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import type { StatefulSetSpec, StatefulSetUpdateStrategy } from '../stateful-set-spec.ts';
import { checkNotNegative, checkUnique, forbiddenValue, invalidValue } from './field-error.ts';
import { checkShare, checkShareOfAll, shareAmount } from './rollout.ts';
import { checkSubdomain, checkText } from './text.ts';
import { checkWorkload } from './workload.ts';

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

interface Checked {
  spec: StatefulSetSpec;
}

export function checkStatefulSet({ spec }: Checked, old?: Checked): FieldError[] {
  return [
    ...checkWorkload('statefulset', withClaimsAsVolumes(spec)),
    ...checkNotNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...checkNotNegative('spec.ordinals.start', spec.ordinals?.start),
    ...checkSubdomain('spec.serviceName', spec.serviceName),
    ...checkUpdateStrategy('spec.updateStrategy', spec.updateStrategy),
    ...checkClaims('spec.volumeClaimTemplates', spec),
    ...(old === undefined || jsonEqual(fixedPart(spec), fixedPart(old.spec))
      ? []
      : [forbiddenValue('spec', `updates to statefulset spec for fields other than ${named()} are forbidden`)]),
  ];
}

/** The pods as they will be: each claim is a volume that containers may mount, in place of one of that name. */
function withClaimsAsVolumes(spec: StatefulSetSpec): StatefulSetSpec {
  const { template, volumeClaimTemplates = [] } = spec;
  if (!template?.spec || volumeClaimTemplates.length === 0) return spec;
  const names = [...new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? ''))].filter(Boolean);
  const claims = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = (template.spec.volumes ?? []).filter(({ name }) => !names.includes(name));
  return { ...spec, template: { ...template, spec: { ...template.spec, volumes: [...others, ...claims] } } };
}

function checkUpdateStrategy(field: string, { type, rollingUpdate }: StatefulSetUpdateStrategy): FieldError[] {
  if (rollingUpdate === undefined) return [];
  const rolling = `${field}.rollingUpdate`;
  if (type !== 'RollingUpdate') {
    return [invalidValue(rolling, rollingUpdate, "only allowed when `type` is 'RollingUpdate'")];
  }
  const { partition, maxUnavailable = 1 } = rollingUpdate;
  const errors = [
    ...checkNotNegative(`${rolling}.partition`, partition),
    ...checkShare(`${rolling}.maxUnavailable`, maxUnavailable),
    ...checkShareOfAll(`${rolling}.maxUnavailable`, maxUnavailable),
  ];
  if (errors.length > 0 || shareAmount(maxUnavailable) !== 0) return errors;
  return [invalidValue(`${rolling}.maxUnavailable`, maxUnavailable, 'cannot be 0')];
}

/** Claims are named after their templates. */
function checkClaims(field: string, { volumeClaimTemplates = [] }: StatefulSetSpec): FieldError[] {
  return [
    ...volumeClaimTemplates.flatMap(({ metadata }, index) =>
      checkText(`${field}[${index}].metadata.name`, metadata?.name ?? '').concat(
        checkSubdomain(`${field}[${index}].metadata.name`, metadata?.name),
      ),
    ),
    ...checkUnique(
      volumeClaimTemplates,
      ({ metadata }) => metadata?.name,
      (index) => `${field}[${index}].metadata.name`,
    ),
  ];
}

function fixedPart(spec: StatefulSetSpec): object {
  const changeable: ReadonlySet<string> = new Set(CHANGEABLE);
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !changeable.has(name)));
}

function named(): string {
  const names = CHANGEABLE.map((name) => `'${name}'`);
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
