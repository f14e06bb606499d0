/** An endpoint answers the requests to one resource path; helpers that most of them share. */
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import type { WriteCall } from '../registry/write-call.ts';
import { decodeBody, expectRecord, OBJECT_TYPES } from '../request/body.ts';
import type { RequestContext, StoredContext } from '../request/request-context.ts';
import { parseWriteOptions } from '../request/write-options.ts';
import type { Services } from '../services.ts';

export type Endpoint = (services: Services, context: StoredContext) => Promise<Response>;

/** 405 in upstream's words. */
export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function notImplemented(what: string): StatusError {
  return new StatusError('NotImplemented', `${what} is not supported by this server`);
}

/** The body of a create or update: JSON, YAML or protobuf; JSON where the client does not say. */
export function objectBody({ decodeProtobuf }: Pick<Services, 'decodeProtobuf'>, { request }: RequestContext) {
  return expectRecord(decodeBody(request, OBJECT_TYPES, decodeProtobuf).value);
}

const OPTIONS_KINDS: Readonly<Record<string, string>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
};

export function writeCall(context: StoredContext): WriteCall {
  const { request, user, info, kind, warnings } = context;
  const options = parseWriteOptions(request, OPTIONS_KINDS[info.verb] ?? 'UpdateOptions');
  return {
    ...options,
    fieldManager: options.fieldManager || programOf(user),
    startsFieldTracking: options.fieldManager !== '' && kind.durability === undefined,
    user,
    verb: info.verb,
    kind,
    namespace: kind.namespaced ? info.namespace : '',
    name: info.name,
    subresource: info.subresource,
    warn: (message) => warnings.push(message),
  };
}

/** Components in this process and agents have names that say what they are: `system:kube-scheduler`, `system:node:pi-1`. */
function programOf({ name }: WriteCall['user']): string {
  if (name.startsWith('system:node:')) return 'kubelet';
  return name.startsWith('system:') ? (name.split(':').at(-1) ?? '') : 'unknown';
}
