/** /scale: one shape for the replica counts of every workload, read from and written to the paths that the kind names. */
import type { Scale } from '../../../shared/api/binding.ts';
import { ScaleSchema } from '../../../shared/api/binding.ts';
import { badRequest, conflict, type FieldError, invalid } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import {
  formatSelector,
  type LabelSelectorLike,
  selectorFromLabelSelector,
  selectorFromLabels,
} from '../../../shared/machinery/label-selector.ts';
import { assert } from '../../../shared/platform/assert.ts';
import { apiVersionOf, type ScaleSubresource } from '../../../shared/schema/define-kind.ts';
import { getPath, withPath } from '../json-path.ts';
import { applyObject } from '../registry/apply.ts';
import { MODIFIED_SINCE_READ } from '../registry/change.ts';
import { decodeObject } from '../registry/decode-object.ts';
import { applyPatch } from '../registry/patch.ts';
import { updateObject } from '../registry/update.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { decodeBody, expectRecord, PATCH_TYPES } from '../request/body.ts';
import type { StoredContext } from '../request/request-context.ts';
import { type AnyKind, type ApiObject, asKind } from '../storage/api-object.ts';
import { isApplyPatch, requireFieldManager } from './apply.ts';
import { type Endpoint, methodNotAllowed, objectBody, writeCall } from './endpoint.ts';
import { readObject } from './objects.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale', schema: ScaleSchema };

export const scaleEndpoint: Endpoint = async (services, context) => {
  const { responder } = services;
  switch (context.info.verb) {
    case 'get':
      return responder.value(context, scaleOf(context.kind, await readObject(services, context)));
    case 'update': {
      const value = objectBody(services, context);
      return responder.value(context, await change(services, context, () => value));
    }
    case 'patch': {
      if (isApplyPatch(context.request)) return responder.value(context, await applyScale(services, context));
      const patch = decodeBody(context.request, PATCH_TYPES, services.decodeProtobuf);
      const patched = (current: ApiObject): JsonObject =>
        applyPatch(SCALE, { ...scaleOf(context.kind, current) }, patch).value;
      return responder.value(context, await change(services, context, patched));
    }
    default:
      throw methodNotAllowed();
  }
};

/** `sentOf` gives the wanted Scale for the stored object. */
async function change(
  services: Parameters<Endpoint>[0],
  context: StoredContext,
  sentOf: (current: ApiObject) => JsonObject,
): Promise<Scale> {
  const call = { ...writeCall(context), subresource: '', managedSubresource: 'scale' };
  const path = scalePathsOf(context.kind).specReplicasPath;
  const changed = await updateObject(services, call, (current) => {
    const replicas = wantedReplicas(call, sentOf(current), current);
    return { value: withPath({ ...current }, path, replicas) };
  });
  return scaleOf(context.kind, changed);
}

/** The number of replicas alone is applied to the object, by a manager with an entry for this subresource. */
async function applyScale(services: Parameters<Endpoint>[0], context: StoredContext): Promise<Scale> {
  const { kind, request } = context;
  requireFieldManager(request);
  const sent = expectRecord(decodeBody(request, PATCH_TYPES, services.decodeProtobuf).value);
  const call = { ...writeCall(context), subresource: '', managedSubresource: 'scale' };
  const replicas = wantedReplicas(call, sent, await readObject(services, context));
  const config = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: call.name } };
  const { object } = await applyObject(services, call, withPath(config, scalePathsOf(kind).specReplicasPath, replicas));
  return scaleOf(kind, object);
}

function wantedReplicas(call: WriteCall, sent: JsonObject, current: ApiObject): number {
  const { fieldValidation, warn, name } = call;
  const decoded = decodeObject(sent, { kind: SCALE, fieldValidation, warn });
  const { metadata, spec } = asKind<Scale>(SCALE, decoded.object);
  if (metadata.name && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(call.kind, name, MODIFIED_SINCE_READ);
  }
  const errors: FieldError[] = [...decoded.errors];
  if (spec.replicas < 0) {
    const message = `Invalid value: ${spec.replicas}: must be greater than or equal to 0`;
    errors.push({ type: 'invalid', field: 'spec.replicas', message });
  }
  if (errors.length > 0) throw invalid(SCALE, name, errors);
  return spec.replicas;
}

export function scaleOf(kind: AnyKind, object: ApiObject): Scale {
  const paths = scalePathsOf(kind);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: { replicas: countAt(object, paths.specReplicasPath) },
    status: { replicas: countAt(object, paths.statusReplicasPath), selector: selectorText(object, paths) },
  };
}

function scalePathsOf(kind: AnyKind): ScaleSubresource {
  assert(kind.subresources.scale !== undefined, `${kind.kind} has no scale subresource`);
  return kind.subresources.scale;
}

function countAt(object: ApiObject, path: readonly string[]): number {
  const count = getPath(object, path);
  return typeof count === 'number' ? count : 0;
}

/** A LabelSelector, or the plain map of the oldest workloads. */
function selectorText(object: ApiObject, { selectorPath }: ScaleSubresource): string {
  const selector = getPath(object, selectorPath);
  if (!isJsonObject(selector)) return '';
  const isPlain = Object.values(selector).every((value) => typeof value === 'string');
  return formatSelector(
    isPlain ? selectorFromLabels(plainLabels(selector)) : selectorFromLabelSelector(asSelector(selector)),
  );
}

function plainLabels(selector: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.entries(selector).map(([key, value]) => [key, String(value)]));
}

/** The edge: the kind's schema has checked the selector's shape. */
function asSelector(selector: JsonObject): LabelSelectorLike {
  return selector as LabelSelectorLike;
}
