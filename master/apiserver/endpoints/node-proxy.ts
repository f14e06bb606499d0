/**
 * nodes/proxy: what follows `/proxy` in the path goes to the node's agent as it is, and its answer back. Who may do that is a
 * matter of rights; what there is to ask is the agent's. Source: Kubernetes API reference, Node, "Proxy Operations".
 */
import { badRequest } from '../../../shared/machinery/errors.ts';
import { type Endpoint, notImplemented } from './endpoint.ts';
import { readObject } from './objects.ts';

const BEFORE_PATH = /^\/api\/v1\/nodes\/[^/]+\/proxy/;

export const nodeProxyEndpoint: Endpoint = async (services, context) => {
  const { request, info } = context;
  if (services.nodeProxy === undefined) throw notImplemented('reaching nodes');
  const path = request.path.replace(BEFORE_PATH, '');
  if (!path.startsWith('/')) throw badRequest('name a path of the node after /proxy');
  // A node that is not there is not found, rather than not connected.
  await readObject(services, context);
  return services.nodeProxy(info.name, { ...request, path, headers: {} });
};
