/** pods/binding and bindings: the scheduler places a pod. One compare-and-swap, nothing else of the pod is looked at. */
import { type Binding, BindingSchema } from '../../../shared/api/binding.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { badRequest, conflict, invalid, type Status } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { changeObject } from '../registry/change.ts';
import { decodeObject } from '../registry/decode-object.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import { type Endpoint, methodNotAllowed, objectBody, writeCall } from './endpoint.ts';

const BINDING = { group: '', version: 'v1', kind: 'Binding', schema: BindingSchema };

export const SUCCESS: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

export const bindingEndpoint: Endpoint = async (services, context) => {
  if (context.info.verb !== 'create') throw methodNotAllowed();
  const call = writeCall(context);
  const binding = decodeBinding(call, objectBody(services, context));
  const name = call.name || (binding.metadata.name ?? '');
  const now = formatTime(services.clock.nowMs());
  await changeObject(services.objects, { ...call, name }, (pod) => {
    return { action: 'put', object: bind(pod, { binding, call: { ...call, name }, now }) };
  });
  return services.responder.value(context, SUCCESS, 201);
};

function decodeBinding({ name, fieldValidation, warn }: WriteCall, value: Record<string, unknown>): Binding {
  const { object, errors } = decodeObject(value, { kind: BINDING, fieldValidation, warn });
  const binding = asKind<Binding>(BINDING, object);
  const sent = binding.metadata.name ?? '';
  if (name !== '' && sent !== '' && sent !== name) {
    throw badRequest(`the name in the Binding object (${sent}) does not match the name on the URL (${name})`);
  }
  const { kind = '', name: node = '' } = binding.target ?? {};
  if (kind !== '' && kind !== 'Node') {
    const message = `Unsupported value: ${JSON.stringify(kind)}: supported values: "Node"`;
    errors.push({ type: 'notSupported', field: 'target.kind', message });
  }
  if (node === '') errors.push({ type: 'required', field: 'target.name', message: 'Required value' });
  if (errors.length > 0) throw invalid(BINDING, sent, errors);
  return binding;
}

function bind(
  object: ApiObject,
  { binding, call, now }: { binding: Binding; call: WriteCall; now: string },
): ApiObject {
  const pod = asKind<Pod>(call.kind, object);
  const { name } = pod.metadata;
  const refuse = (why: string): Error => conflict({ group: '', plural: 'pods/binding' }, name, why);
  const { uid } = binding.metadata;
  if (uid && uid !== pod.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  }
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  const conditions = setCondition(pod.status.conditions, { type: 'PodScheduled', status: 'True' }, now);
  const annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  return {
    ...object,
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: { ...pod.spec, nodeName: binding.target.name },
    status: { ...pod.status, conditions },
  };
}
