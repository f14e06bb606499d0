/** pods/eviction: a delete that asks first. Disruption budgets will be asked here once they are served. */
import { type Eviction, EvictionSchema } from '../../../shared/api/binding.ts';
import { badRequest, invalid } from '../../../shared/machinery/errors.ts';
import { decodeObject } from '../registry/decode-object.ts';
import { deleteObject } from '../registry/delete.ts';
import { parseDeleteOptions } from '../request/delete-options.ts';
import { asKind } from '../storage/api-object.ts';
import { SUCCESS } from './binding.ts';
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
  await deleteObject(services, { ...call, dryRun: options.dryRun || call.dryRun, subresource: '' }, options);
  return services.responder.value(context, SUCCESS, 201);
};
