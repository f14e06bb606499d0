/** Pods: the kubelet owns the status; ephemeral containers are added through their own subresource only. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { FieldError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { Strategy } from '../registry/strategy.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';

const POD = { kind: 'Pod' };

const EPHEMERAL = 'ephemeralcontainers';

export const podStrategy: Strategy = {
  returnsDeleted: true,
  prepareUpdate(object, old) {
    object['spec'] = withEphemeral(asPod(object).spec, asPod(old).spec);
  },
  prepareStatus(object, sent, old, { subresource }) {
    if (subresource === EPHEMERAL) object['spec'] = withEphemeral(asPod(old).spec, asPod(sent).spec);
    else object['status'] = { ...asPod(sent).status, qosClass: asPod(old).status.qosClass };
  },
  validateStatus: (object, old, { subresource }) =>
    subresource === EPHEMERAL ? checkEphemeral(asPod(object).spec, asPod(old).spec) : [],
};

function asPod(object: ApiObject): Pod {
  return asKind<Pod>(POD, object);
}

function withEphemeral(spec: PodSpec, { ephemeralContainers }: PodSpec): PodSpec {
  const { ephemeralContainers: _, ...rest } = spec;
  return ephemeralContainers === undefined ? rest : { ...rest, ephemeralContainers };
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
  return [
    ...clashes.map(({ name }): FieldError => {
      return { type: 'duplicate', field, message: `Duplicate value: ${JSON.stringify(name)}` };
    }),
    ...changed.map(({ name }): FieldError => {
      const message = `Forbidden: existing ephemeral containers ${JSON.stringify(name)} may not be changed or removed`;
      return { type: 'forbidden', field, message };
    }),
  ];
}
