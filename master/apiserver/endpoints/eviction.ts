/**
 * pods/eviction: a delete that asks the pod's disruption budget first, and leaves a word in the pod's status why it goes.
 * Source: Kubernetes, "API-initiated Eviction".
 */
import { type Eviction, EvictionSchema } from '../../../shared/api/binding.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { badRequest, conflict, invalid, notFound } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { decodeObject } from '../registry/decode-object.ts';
import { deleteObject } from '../registry/delete.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { type DeleteOptions, parseDeleteOptions } from '../request/delete-options.ts';
import type { Services } from '../services.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import { SUCCESS } from './binding.ts';
import { takeDisruption } from './disruption-budget.ts';
import { type Endpoint, methodNotAllowed, objectBody, writeCall } from './endpoint.ts';

const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction', schema: EvictionSchema };

export const evictionEndpoint: Endpoint = async (services, context) => {
  if (context.info.verb !== 'create') throw methodNotAllowed();
  const call = writeCall(context);
  const { fieldValidation, warn, name } = call;
  const { object, errors } = decodeObject(objectBody(services, context), { kind: EVICTION, fieldValidation, warn });
  if (errors.length > 0) throw invalid(EVICTION, name, errors);
  const eviction = asKind<Eviction>(EVICTION, object);
  const sent = eviction.metadata.name ?? '';
  if (sent !== '' && sent !== name) throw badRequest('name in URL does not match name in Eviction object');
  // kubectl drain --dry-run=server says so in the body only: ignoring it there would really evict.
  const options = parseDeleteOptions(context.request, { ...eviction.deleteOptions, kind: 'DeleteOptions' });
  await evict(services, { ...call, dryRun: options.dryRun || call.dryRun, subresource: '' }, options);
  return services.responder.value(context, SUCCESS, 201);
};

async function evict(services: Services, call: WriteCall, options: DeleteOptions): Promise<void> {
  const pod = await readPod(services, call);
  const { uid: wanted } = options.preconditions;
  if (wanted !== '' && wanted !== pod.metadata.uid) {
    const why = `UID in precondition: ${wanted}, UID in object meta: ${pod.metadata.uid}`;
    throw conflict(call.kind, call.name, `Precondition failed: ${why}`);
  }
  const answer = await takeDisruption(services, pod, call.dryRun);
  // What was allowed is this very pod, and in one case only as it was read.
  const { uid, resourceVersion } = pod.metadata;
  const asRead = answer.type === 'asRead' ? resourceVersion : options.preconditions.resourceVersion;
  const preconditions = { uid, resourceVersion: asRead };
  const now = formatTime(services.clock.nowMs());
  await deleteObject(services, call, { ...options, preconditions }, (object) => withReason(object, now));
}

async function readPod({ objects }: Services, { kind, namespace, name }: WriteCall): Promise<Pod> {
  const found = await objects.get(kind, { namespace, name });
  if (found === undefined) throw notFound(kind, name);
  return asKind<Pod>(kind, found);
}

/** A Job that looks at its failed pods can tell an eviction from a failure. */
function withReason(object: ApiObject, now: string): ApiObject {
  const { status } = asKind<Pod>({ kind: 'Pod' }, object);
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return object;
  const reason = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  return { ...object, status: { ...status, conditions: setCondition(status.conditions, reason, now) } };
}
