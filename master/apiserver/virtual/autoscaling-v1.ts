/** autoscaling/v1: the stored autoscalers as the first version says them. Reads and writes go the way of the second one. */
import type { HorizontalPodAutoscaler } from '../../../shared/api/horizontal-pod-autoscaler.ts';
import {
  HorizontalPodAutoscalerV1Kind,
  HorizontalPodAutoscalerV1Schema,
} from '../../../shared/api/horizontal-pod-autoscaler-v1.ts';
import { KIND_NAMES } from '../../../shared/api/kind-names.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { isJsonArray, isJsonObject } from '../../../shared/machinery/json.ts';
import { defined } from '../../../shared/platform/assert.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import { isApplyPatch } from '../endpoints/apply.ts';
import { objectBody, writeCall } from '../endpoints/endpoint.ts';
import { objectsEndpoint } from '../endpoints/objects.ts';
import { createObject } from '../registry/create.ts';
import { applyPatch } from '../registry/patch.ts';
import { updateObject, type Wanted } from '../registry/update.ts';
import { decodeBody, PATCH_TYPES } from '../request/body.ts';
import { MEDIA_TYPE, negotiate } from '../request/media-type.ts';
import type { RequestContext, StoredContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import { type ApiObject, asKind } from '../storage/api-object.ts';
import { toFirstVersion, toSecondVersion } from './autoscaler-versions.ts';
import { servedVirtual, type VirtualResource } from './virtual-resource.ts';

const NAME = { kind: 'HorizontalPodAutoscaler' };

export const autoscalersV1: VirtualResource = {
  served: {
    ...servedVirtual({
      ...KIND_NAMES.HorizontalPodAutoscaler,
      version: HorizontalPodAutoscalerV1Kind.version,
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    }),
    shortNames: HorizontalPodAutoscalerV1Kind.shortNames,
    categories: HorizontalPodAutoscalerV1Kind.categories,
    described: HorizontalPodAutoscalerV1Kind,
  },
  schema: HorizontalPodAutoscalerV1Schema,
  async answer(services, context) {
    const kind = defined(services.kindOf('autoscaling', NAME.kind), 'the second version');
    const stored: StoredContext = { ...context, kind };
    switch (context.info.verb) {
      case 'create':
        return render(services, context, await create(services, stored), 201);
      case 'update':
      case 'patch':
        return render(services, context, await change(services, stored));
      default:
        return forward(services, stored);
    }
  },
};

function create(services: Services, context: StoredContext): Promise<ApiObject> {
  return createObject(services, writeCall(context), toSecondVersion(objectBody(services, context)));
}

function change(services: Services, context: StoredContext): Promise<ApiObject> {
  return updateObject(services, writeCall(context), wantedBy(services, context));
}

function wantedBy(services: Services, context: StoredContext): (current: ApiObject) => Wanted {
  if (context.info.verb === 'update') {
    const value = objectBody(services, context);
    return (current) => ({ value: toSecondVersion(value, asAutoscaler(current)) });
  }
  if (isApplyPatch(context.request)) {
    throw new StatusError('UnsupportedMediaType', 'server-side apply of autoscalers is served in autoscaling/v2');
  }
  const body = decodeBody(context.request, PATCH_TYPES, services.decodeProtobuf);
  return (current) => {
    const patched = applyPatch(context.kind, toFirstVersion(asAutoscaler(current)), body);
    return { ...patched, value: toSecondVersion(patched.value, asAutoscaler(current)) };
  };
}

function asAutoscaler(object: ApiObject): HorizontalPodAutoscaler {
  return asKind<HorizontalPodAutoscaler>(NAME, object);
}

/** Tables and metadata alone are the same in both versions. */
function isWhole({ request }: RequestContext): boolean {
  return negotiate(request.headers['accept']).as === 'object';
}

function render(
  services: Services,
  context: RequestContext,
  object: ApiObject,
  code = 200,
): Response | Promise<Response> {
  if (isWhole(context)) return services.responder.value(context, toFirstVersion(asAutoscaler(object)), code);
  const kind = defined(services.kindOf('autoscaling', NAME.kind), 'the second version');
  return services.responder.object({ ...context, kind }, object, code);
}

/** Asked for as JSON, put into the first version, and answered in the form that is wanted. */
async function forward(services: Services, context: StoredContext): Promise<Response> {
  if (!isWhole(context)) return objectsEndpoint(services, context);
  const headers = { ...context.request.headers, accept: MEDIA_TYPE.json };
  const answer = await objectsEndpoint(services, { ...context, request: { ...context.request, headers } });
  if (answer.type === 'events') return { ...answer, events: convertEvents(answer.events) };
  if (answer.type !== 'object') return answer;
  return services.responder.value(context, convert(answer.body), answer.code);
}

async function* convertEvents(events: AsyncIterable<unknown>): AsyncIterable<unknown> {
  for await (const event of events) yield isJsonObject(event) ? { ...event, object: convert(event['object']) } : event;
}

/** An object, a list, a bookmark; what is none of these stays as it is. */
function convert(body: unknown): unknown {
  if (!isJsonObject(body)) return body;
  const { items, kind } = body;
  if (isJsonArray(items)) return { ...body, apiVersion: 'autoscaling/v1', items: items.map(convert) };
  if (kind !== NAME.kind) return body;
  return isWholeObject(body) ? toFirstVersion(asAutoscaler(body)) : { ...body, apiVersion: 'autoscaling/v1' };
}

/** A bookmark has no spec. */
function isWholeObject(body: object): body is ApiObject {
  return 'spec' in body && 'metadata' in body;
}
