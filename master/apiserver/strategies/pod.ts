/** Pods: the kubelet owns the status; ephemeral containers and other amounts come through subresources of their own. */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { checkEphemerals } from '../../../shared/api/validation/container.ts';
import { checkPodResize } from '../../../shared/api/validation/pod-resize.ts';
import { type FieldError, forbidden } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Strategy } from '../registry/strategy.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';

const POD = { kind: 'Pod' };

const EPHEMERAL = 'ephemeralcontainers';
const RESIZE = 'resize';

export const podStrategy: Strategy = {
  returnsDeleted: true,
  prepareCreate(object, { kind }) {
    const pod = asPod(object);
    refuseRuntimeClass(pod, kind);
    if (pod.spec.schedulingGates?.length) object['status'] = { ...pod.status, conditions: [GATED] };
  },
  prepareUpdate(object, old) {
    object['spec'] = withEphemeral(asPod(object).spec, asPod(old).spec);
  },
  prepareStatus(object, sent, old, { subresource }) {
    if (subresource === EPHEMERAL) object['spec'] = withEphemeral(asPod(old).spec, asPod(sent).spec);
    else if (subresource === RESIZE) object['spec'] = withResources(asPod(old).spec, asPod(sent).spec);
    else object['status'] = { ...asPod(sent).status, qosClass: asPod(old).status.qosClass };
  },
  validateStatus(object, old, { subresource }) {
    if (subresource === EPHEMERAL) return checkEphemeral(asPod(object).spec, asPod(old).spec);
    return subresource === RESIZE ? checkPodResize(asPod(object).spec, asPod(old).spec) : [];
  },
};

/** Schedulers leave the pod alone, and whoever looks at it sees why. */
const GATED = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

/** There is one way to run containers here, so that no class can be found. Source: admission plugin RuntimeClass. */
function refuseRuntimeClass({ metadata, spec }: Pod, kind: WriteCall['kind']): void {
  if (!spec || typeof spec !== 'object') return;
  const { runtimeClassName, overhead } = spec;
  if (runtimeClassName) {
    throw forbidden(kind, metadata.name, `pod rejected: RuntimeClass "${runtimeClassName}" not found`);
  }
  if (overhead !== undefined) {
    const why = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
    throw forbidden(kind, metadata.name, why);
  }
}

function asPod(object: ApiObject): Pod {
  return asKind<Pod>(POD, object);
}

function withEphemeral(spec: PodSpec, { ephemeralContainers }: PodSpec): PodSpec {
  const { ephemeralContainers: _, ...rest } = spec;
  return ephemeralContainers === undefined ? rest : { ...rest, ephemeralContainers };
}

/** Amounts alone are taken of what was sent; containers that are not there cannot be added. */
function withResources(old: PodSpec, sent: PodSpec): PodSpec {
  const give = (containers: readonly Container[], wanted: readonly Container[] = []): Container[] =>
    containers.map((container) => {
      const next = wanted.find(({ name }) => name === container.name);
      return next === undefined ? container : { ...container, resources: next.resources };
    });
  return {
    ...old,
    containers: give(old.containers, sent.containers),
    ...(old.initContainers ? { initContainers: give(old.initContainers, sent.initContainers) } : {}),
  };
}

/** They may be added; once there they stay as they are. */
function checkEphemeral(spec: PodSpec, old: PodSpec): FieldError[] {
  const field = 'spec.ephemeralContainers';
  const now = spec.ephemeralContainers ?? [];
  const taken = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const clashes = now.filter(({ name }) => taken.has(name));
  const changed = (old.ephemeralContainers ?? []).filter(
    (before) =>
      !jsonEqual(
        now.find(({ name }) => name === before.name),
        before,
      ),
  );
  const added = now.filter(({ name }) => !(old.ephemeralContainers ?? []).some((before) => before.name === name));
  return [
    ...checkEphemerals(field, added, spec),
    ...clashes.map(({ name }): FieldError => {
      return { type: 'duplicate', field, message: `Duplicate value: ${JSON.stringify(name)}` };
    }),
    ...changed.map(({ name }): FieldError => {
      const message = `Forbidden: existing ephemeral containers ${JSON.stringify(name)} may not be changed or removed`;
      return { type: 'forbidden', field, message };
    }),
  ];
}
