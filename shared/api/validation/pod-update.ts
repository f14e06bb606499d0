/**
 * What may change in a pod once it is there: images, the deadline, further tolerations, gates that open.
 * Everything else of the spec stays, because the containers were started from it; the node is set by a Binding, and
 * ephemeral containers by their subresource, which do not come through here.
 */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import type { PodSpec } from '../pod-spec.ts';
import { forbiddenValue, invalidValue } from './field-error.ts';

const RULE =
  'only the images of containers, `activeDeadlineSeconds`, further `tolerations` and a negative ' +
  '`terminationGracePeriodSeconds` may change in a pod that is there';

export function checkPodUpdate(spec: PodSpec, old: PodSpec): FieldError[] {
  return [
    ...(jsonEqual(fixedPart(spec, old), fixedPart(old, old)) ? [] : [forbiddenValue('spec', RULE)]),
    ...checkDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds),
    ...checkTolerations(spec, old),
    ...checkGates(spec, old),
  ];
}

/** The spec without what has rules of its own; what may change is put to one value on both sides. */
function fixedPart(spec: PodSpec, old: PodSpec): object {
  return {
    ...spec,
    containers: (spec.containers ?? []).map((container) => ({ ...container, image: '' })),
    initContainers: (spec.initContainers ?? []).map((container) => ({ ...container, image: '' })),
    ephemeralContainers: undefined,
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
    terminationGracePeriodSeconds: gracePeriod(spec, old),
  };
}

function gracePeriod(spec: PodSpec, old: PodSpec): number | undefined {
  const wasNegative = (old.terminationGracePeriodSeconds ?? 0) < 0;
  return wasNegative && spec.terminationGracePeriodSeconds === 1
    ? old.terminationGracePeriodSeconds
    : spec.terminationGracePeriodSeconds;
}

/** A deadline may be set and shortened, not lengthened or removed. */
function checkDeadline(deadline: number | undefined, old: number | undefined): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  if (old === undefined || deadline === old) return [];
  if (deadline === undefined) return [invalidValue(field, null, 'cannot be removed once set')];
  return deadline < old ? [] : [invalidValue(field, deadline, `must be less than or equal to previous value: ${old}`)];
}

/** Tolerations may be added; of those that are there only tolerationSeconds may change. */
function checkTolerations(spec: PodSpec, old: PodSpec): FieldError[] {
  const now = (spec.tolerations ?? []).map((toleration) => ({ ...toleration, tolerationSeconds: undefined }));
  const lost = (old.tolerations ?? []).some(
    (toleration) => !now.some((kept) => jsonEqual(kept, { ...toleration, tolerationSeconds: undefined })),
  );
  return lost
    ? [forbiddenValue('spec.tolerations', 'those that are there stay; only their tolerationSeconds may change')]
    : [];
}

function checkGates(spec: PodSpec, old: PodSpec): FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  const isNew = (spec.schedulingGates ?? []).some(({ name }) => !before.has(name));
  return isNew ? [forbiddenValue('spec.schedulingGates', 'gates can be opened, not added')] : [];
}
