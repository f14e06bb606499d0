/** A resource that is computed and not stored: reviews, metrics. */
import type { TSchema } from 'typebox';
import { invalid } from '../../../shared/machinery/errors.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import type { ServedResource } from '../discovery/served-resource.ts';
import { objectBody } from '../endpoints/endpoint.ts';
import { decodeObject } from '../registry/decode-object.ts';
import type { RequestContext } from '../request/request-context.ts';
import type { Verb } from '../request/request-info.ts';
import { parseWriteOptions } from '../request/write-options.ts';
import type { Services } from '../services.ts';
import { asKind, type TypedObject } from '../storage/api-object.ts';

export interface VirtualResource {
  served: ServedResource;
  /** Called with verbs that `served` names. */
  answer(services: Services, context: RequestContext): Promise<Response>;
  /** Schema of its bodies, where it takes any. */
  schema?: TSchema;
}

export interface VirtualNames {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular?: string;
  namespaced: boolean;
  verbs: readonly Verb[];
}

export function servedVirtual(names: VirtualNames): ServedResource {
  return { singular: names.kind.toLowerCase(), shortNames: [], categories: [], subresources: [], ...names };
}

/** The body of a create, checked against its schema. Throws BadRequest and Invalid. */
export function readBody<T extends TypedObject>(services: Services, context: RequestContext, schema: TSchema): T {
  const { group, version, kind } = context.served;
  const { fieldValidation } = parseWriteOptions(context.request, 'CreateOptions');
  // Go clients send an empty status along; the answer is not theirs to give.
  const { status: _, ...asked } = objectBody(services, context);
  const { object, errors } = decodeObject(asked, {
    kind: { group, version, kind, schema },
    fieldValidation,
    warn: (message) => context.warnings.push(message),
  });
  if (errors.length > 0) throw invalid({ group, kind }, '', errors);
  return asKind<T>({ kind }, object);
}
