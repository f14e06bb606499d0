/**
 * nodes/reboot and nodes/shutdown, Bramble's own: a POST makes the board's agent do it. Subresources, so that a role can allow
 * one without everything else that nodes/proxy opens.
 */
import { internalError } from '../../../shared/machinery/errors.ts';
import { objectResponse } from '../../../shared/protocol/exchange.ts';
import { type Endpoint, methodNotAllowed, notImplemented } from './endpoint.ts';
import { readObject } from './objects.ts';

export const nodePowerEndpoint: Endpoint = async (services, context) => {
  const { info, request } = context;
  if (info.verb !== 'create') throw methodNotAllowed();
  if (services.nodeProxy === undefined) throw notImplemented('reaching nodes');
  await readObject(services, context);
  const path = `/power/${info.subresource}`;
  const response = await services.nodeProxy(info.name, {
    ...{ method: 'POST', path, query: {}, headers: {}, signal: request.signal },
  });
  if (response.type !== 'object') throw internalError('the node did not answer with an object');
  services.logger.info('a board is told to end', {
    node: info.name,
    action: info.subresource,
    user: context.user.name,
  });
  return objectResponse(response.body);
};
