/** The verbs of stored objects: get, list, watch, create, update, patch, delete, deletecollection. */
import { isStatusError, notFound, type Status } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { createObject } from '../registry/create.ts';
import { deleteObject } from '../registry/delete.ts';
import { filterOf, listObjects } from '../registry/list.ts';
import { applyPatch, type PatchBody } from '../registry/patch.ts';
import { isStatusLike, statusPartOf } from '../registry/status-part.ts';
import { updateObject } from '../registry/update.ts';
import { WatchStream } from '../registry/watch.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { decodeBody, OBJECT_TYPES, PATCH_TYPES } from '../request/body.ts';
import { type DeleteOptions, parseDeleteOptions } from '../request/delete-options.ts';
import { checkListOptions, checkWatchOptions, parseListOptions } from '../request/list-options.ts';
import { MEDIA_TYPE } from '../request/media-type.ts';
import type { StoredContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import type { ApiObject } from '../storage/api-object.ts';
import { strategyOf } from '../strategies/strategy-of.ts';
import { applyEndpoint, isApplyPatch, refuseForce } from './apply.ts';
import { type Endpoint, methodNotAllowed, objectBody, writeCall } from './endpoint.ts';

export const objectsEndpoint: Endpoint = (services, context) => {
  switch (context.info.verb) {
    case 'get':
      return getEndpoint(services, context);
    case 'list':
      return list(services, context);
    case 'watch':
      return watch(services, context);
    case 'create':
      return create(services, context);
    case 'update':
    case 'patch':
      return changeEndpoint(services, context);
    case 'delete':
      return remove(services, context);
    case 'deletecollection':
      return removeCollection(services, context);
  }
};

/** Also the subresources that show the whole object: status, approval. */
export const getEndpoint: Endpoint = async (services, context) =>
  services.responder.object(context, await readObject(services, context));

/** Throws NotFound. */
export async function readObject({ objects }: Services, { kind, info }: StoredContext): Promise<ApiObject> {
  const namespace = kind.namespaced ? info.namespace : '';
  const object = await objects.get(kind, { namespace, name: info.name });
  if (object === undefined) throw notFound(kind, info.name);
  return object;
}

const list: Endpoint = async ({ objects, responder }, context) => {
  const options = parseListOptions(context.request);
  checkListOptions(options);
  const filter = filterOf(context.kind, context.info.namespace, options);
  return responder.list(context, await listObjects(objects, filter, options));
};

const watch: Endpoint = async ({ objects, hubs, clock, random, responder }, context) => {
  const options = parseListOptions(context.request);
  checkWatchOptions(options);
  const filter = filterOf(context.kind, context.info.namespace, options);
  const render = responder.watchRenderer(context);
  const { signal } = context.request;
  const deps = { objects, hub: hubs.of(context.kind), clock, random };
  return responder.events(new WatchStream(deps, { filter, options, render, signal }));
};

const create: Endpoint = async (services, context) => {
  const call = writeCall(context);
  const created = await createObject(services, call, objectBody(services, context));
  return services.responder.object(context, created, 201);
};

/** PUT and PATCH, of the object itself and of subresources that are parts of it. */
export const changeEndpoint: Endpoint = async (services, context) => {
  if (isApplyPatch(context.request)) return applyEndpoint(services, context);
  const call = writeCall(context);
  const changed = await (call.verb === 'patch' ? patch : replace)(services, context, call);
  return services.responder.object(context, changed);
};

async function replace(services: Services, context: StoredContext, call: WriteCall): Promise<ApiObject> {
  const value = objectBody(services, context);
  return updateObject(services, call, () => ({ value }));
}

async function patch(services: Services, { request }: StoredContext, call: WriteCall): Promise<ApiObject> {
  refuseForce(request);
  const body = decodeBody(request, PATCH_TYPES, services.decodeProtobuf);
  const patched = isStatusLike(call.subresource) ? { ...body, value: statusPatchOf(body) } : body;
  return updateObject(services, call, (current) => applyPatch(call.kind, targetOf(call, current, body), patched));
}

/** A JSON patch may test any field; the other types name what they change, and only the status of that counts. */
function statusPatchOf({ type, value }: PatchBody): unknown {
  return type !== MEDIA_TYPE.jsonPatch && isJsonObject(value) ? statusPartOf(value) : value;
}

function targetOf({ subresource }: WriteCall, current: ApiObject, { type }: PatchBody): JsonObject {
  return isStatusLike(subresource) && type !== MEDIA_TYPE.jsonPatch ? statusPartOf(current) : current;
}

function deleteOptionsOf({ decodeProtobuf }: Services, { request }: StoredContext): DeleteOptions {
  return parseDeleteOptions(request, decodeBody(request, OBJECT_TYPES, decodeProtobuf).value);
}

const remove: Endpoint = async (services, context) => {
  const options = deleteOptionsOf(services, context);
  const call = { ...writeCall(context), dryRun: options.dryRun };
  const { object, removed } = await deleteObject(services, call, options);
  if (!removed || strategyOf(call.kind).returnsDeleted) return services.responder.object(context, object);
  return services.responder.value(context, deletedStatus(call, object));
};

export function deletedStatus({ kind }: WriteCall, { metadata }: ApiObject): Status {
  const group = kind.group === '' ? {} : { group: kind.group };
  const details = { name: metadata.name, ...group, kind: kind.plural, uid: metadata.uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

/** Objects deleted at the same time; their commits are gathered by the store. */
const PARALLEL_DELETES = 16;

const removeCollection: Endpoint = async (services, context) => {
  const { verbs } = context.served;
  if (!verbs.includes('deletecollection')) throw methodNotAllowed();
  const options = deleteOptionsOf(services, context);
  const listOptions = parseListOptions(context.request);
  checkListOptions(listOptions);
  const filter = filterOf(context.kind, context.info.namespace, listOptions);
  const page = await listObjects(services.objects, filter, listOptions);
  for (let start = 0; start < page.items.length; start += PARALLEL_DELETES) {
    const slice = page.items.slice(start, start + PARALLEL_DELETES);
    await Promise.all(slice.map((object) => removeOne(services, { context, options, object })));
  }
  return services.responder.list(context, page);
};

interface OneDelete {
  context: StoredContext;
  options: DeleteOptions;
  object: ApiObject;
}

/** Somebody else may have been faster: that is fine. */
async function removeOne(services: Services, { context, options, object }: OneDelete): Promise<void> {
  const { name, namespace = '' } = object.metadata;
  const call = { ...writeCall(context), dryRun: options.dryRun, name, namespace };
  try {
    await deleteObject(services, call, options);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
