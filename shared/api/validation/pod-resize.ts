/**
 * What may change in a pod's amounts while it runs: CPU and memory of containers and sidecars, as long as the pod stays in its
 * class. Source: Kubernetes documentation, "Resize CPU and Memory Resources assigned to Containers", "Limitations".
 */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import type { Container } from '../container.ts';
import { computeQosClass } from '../pod-defaults.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { ResourceRequirements } from '../resources.ts';
import { forbiddenValue, invalidValue } from './field-error.ts';
import { checkResources } from './resources.ts';

const RESIZABLE: readonly string[] = ['cpu', 'memory'];

export function checkPodResize(spec: PodSpec, old: PodSpec): FieldError[] {
  return [
    ...checkContainers('spec.containers', spec.containers, old.containers),
    ...checkContainers('spec.initContainers', spec.initContainers ?? [], old.initContainers ?? []),
    ...checkClass(spec, old),
  ];
}

function checkContainers(field: string, now: readonly Container[], old: readonly Container[]): FieldError[] {
  return now.flatMap((container, index) => {
    const before = old[index];
    const path = `${field}[${index}]`;
    if (before === undefined || jsonEqual(container.resources, before.resources)) return [];
    if (field === 'spec.initContainers' && container.restartPolicy !== 'Always') {
      return [forbiddenValue(`${path}.resources`, 'only containers and sidecars can be resized')];
    }
    return [
      ...checkResources(`${path}.resources`, container.resources),
      ...checkChange(`${path}.resources`, container.resources, before.resources),
    ];
  });
}

function checkChange(field: string, now: ResourceRequirements, old: ResourceRequirements): FieldError[] {
  return [
    ...(jsonEqual(fixedPart(now), fixedPart(old)) ? [] : [forbiddenValue('spec', RULE)]),
    ...checkRemoved(`${field}.limits`, now.limits, { old: old.limits, what: 'resource limits cannot be removed' }),
    ...checkRemoved(`${field}.requests`, now.requests, {
      old: old.requests,
      what: 'resource requests cannot be removed',
    }),
  ];
}

const RULE = 'only cpu and memory resources of containers are mutable';

function fixedPart({ limits, requests, claims }: ResourceRequirements): object {
  return { limits: without(limits), requests: without(requests), claims };
}

function without(quantities: Readonly<Record<string, string>> = {}): object {
  return Object.fromEntries(Object.entries(quantities).filter(([name]) => !RESIZABLE.includes(name)));
}

function checkRemoved(
  field: string,
  now: Readonly<Record<string, string>> = {},
  { old = {}, what }: { old: Readonly<Record<string, string>> | undefined; what: string },
): FieldError[] {
  const isRemoved = RESIZABLE.some((name) => Object.hasOwn(old, name) && !Object.hasOwn(now, name));
  return isRemoved ? [forbiddenValue(field, what)] : [];
}

function checkClass(spec: PodSpec, old: PodSpec): FieldError[] {
  const now = computeQosClass(spec);
  if (now === computeQosClass(old)) return [];
  return [invalidValue('spec', now, 'Pod QOS Class may not change as a result of resizing')];
}
