/** PATCH with `application/apply-patch+yaml`: server-side apply. Answers 201 when it created the object. */
import { type FieldError, invalid } from '../../../shared/machinery/errors.ts';
import { queryValue, type Request } from '../../../shared/protocol/exchange.ts';
import { applyObject } from '../registry/apply.ts';
import { decodeBody, expectRecord, PATCH_TYPES } from '../request/body.ts';
import { MEDIA_TYPE, parseMediaType } from '../request/media-type.ts';
import { type Endpoint, writeCall } from './endpoint.ts';

export function isApplyPatch({ method, headers }: Pick<Request, 'method' | 'headers'>): boolean {
  return method === 'PATCH' && parseMediaType(headers['content-type'] ?? '').type === MEDIA_TYPE.applyPatch;
}

export const applyEndpoint: Endpoint = async (services, context) => {
  const { request } = context;
  requireFieldManager(request);
  const { value } = decodeBody(request, PATCH_TYPES, services.decodeProtobuf);
  const { object, created } = await applyObject(services, writeCall(context), expectRecord(value));
  return services.responder.object(context, object, created ? 201 : 200);
};

/** A program's name will do for updates; who applies must say who it is, because it will be compared the next time. */
export function requireFieldManager(request: Request): void {
  if (queryValue(request, 'fieldManager')) return;
  throw invalidOptions({
    type: 'required',
    field: 'fieldManager',
    message: 'Required value: is required for apply patch',
  });
}

export function refuseForce(request: Request): void {
  if (queryValue(request, 'force') === undefined) return;
  throw invalidOptions({
    type: 'forbidden',
    field: 'force',
    message: 'Forbidden: may not be specified for non-apply patch',
  });
}

function invalidOptions(error: FieldError): Error {
  return invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [error]);
}
