/** serviceaccounts/token: a token for the processes that act as the account. */
import { type TokenRequest, TokenRequestSchema } from '../../../shared/api/authentication.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { badRequest, forbidden, invalid } from '../../../shared/machinery/errors.ts';
import { decodeObject } from '../registry/decode-object.ts';
import type { StoredContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';
import { nodeNameOf } from '../user-info.ts';
import { type Endpoint, methodNotAllowed, notImplemented, objectBody, writeCall } from './endpoint.ts';
import { readObject } from './objects.ts';

const TOKEN_REQUEST = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  schema: TokenRequestSchema,
};

/** Kubernetes' bounds. */
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

export const tokenEndpoint: Endpoint = async (services, context) => {
  if (context.info.verb !== 'create') throw methodNotAllowed();
  const { fieldValidation, warn, name } = writeCall(context);
  // Go clients send an empty status along.
  const { status: _, ...asked } = objectBody(services, context);
  const request = decodeRequest({ spec: {}, ...asked }, { fieldValidation, warn });
  if (request.metadata.name && request.metadata.name !== name) {
    throw badRequest('name in URL does not match name in TokenRequest object');
  }
  const { metadata } = await readObject(services, context);
  await restrictNode(services, context, request);
  if (services.issueToken === undefined) throw notImplemented('issuing tokens of service accounts');
  const subject = { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid };
  const issued = await services.issueToken(subject, request.spec);
  return services.responder.value(context, { ...request, status: issued }, 201);
};

/**
 * A node gets tokens for the pods that it runs, and each token ends with its pod.
 * Source: Kubernetes, admission plugin NodeRestriction.
 */
async function restrictNode(services: Services, { info, user }: StoredContext, { spec }: TokenRequest): Promise<void> {
  const node = nodeNameOf(user);
  if (node === undefined) return;
  const { kind, name = '', uid } = spec.boundObjectRef ?? {};
  const refuse = (why: string): Error => forbidden({ group: '', plural: 'serviceaccounts' }, info.name, why);
  if (kind !== 'Pod' || name === '') throw refuse('node requested token not bound to a pod');
  if (!uid) throw refuse('node requested token with a pod binding without a uid');
  const podKind = services.kindOf('', 'Pod');
  const found = podKind && (await services.objects.get(podKind, { namespace: info.namespace, name }));
  const pod = found && asKind<Pod>({ kind: 'Pod' }, found);
  if (pod?.metadata.uid !== uid)
    throw refuse(`the UID in the bound object reference (${uid}) does not match the UID in record`);
  if (pod.spec.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
}

type DecodeSettings = Pick<Parameters<typeof decodeObject>[1], 'fieldValidation' | 'warn'>;

function decodeRequest(value: Record<string, unknown>, settings: DecodeSettings): TokenRequest {
  const kind = {
    ...TOKEN_REQUEST,
    // No audience means the API server itself.
    applyDefaults: (object: object) => {
      const { spec } = object as TokenRequest;
      if (spec !== undefined) spec.audiences ??= [];
    },
  };
  const { object, errors } = decodeObject(value, { kind, ...settings });
  const request = asKind<TokenRequest>(TOKEN_REQUEST, object);
  const { expirationSeconds } = request.spec;
  if (expirationSeconds < MIN_TOKEN_SECONDS || expirationSeconds > MAX_TOKEN_SECONDS) {
    const rule =
      expirationSeconds < MIN_TOKEN_SECONDS
        ? 'may not specify a duration less than 10 minutes'
        : 'may not specify a duration larger than 2^32 seconds';
    const message = `Invalid value: ${expirationSeconds}: ${rule}`;
    errors.push({ type: 'invalid', field: 'spec.expirationSeconds', message });
  }
  if (errors.length > 0) throw invalid(TOKEN_REQUEST, '', errors);
  return request;
}
