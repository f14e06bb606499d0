/** Which endpoint answers a request for a stored kind, by its subresource. */

import { bindingEndpoint } from './binding.ts';
import { type Endpoint, methodNotAllowed } from './endpoint.ts';
import { evictionEndpoint } from './eviction.ts';
import { nodePowerEndpoint } from './node-power.ts';
import { nodeProxyEndpoint } from './node-proxy.ts';
import { changeEndpoint, getEndpoint, objectsEndpoint } from './objects.ts';
import { attachEndpoint, execEndpoint, logEndpoint } from './pod-streams.ts';
import { portForwardEndpoint } from './port-forward.ts';
import { scaleEndpoint } from './scale.ts';
import { tokenEndpoint } from './token.ts';

/** Subresources that are parts of the object: the strategy says which. */
const partEndpoint: Endpoint = (services, context) => {
  const { verb } = context.info;
  if (verb === 'get') return getEndpoint(services, context);
  if (verb === 'update' || verb === 'patch') return changeEndpoint(services, context);
  throw methodNotAllowed();
};

const SUBRESOURCES: Readonly<Record<string, Endpoint>> = {
  '': objectsEndpoint,
  status: partEndpoint,
  approval: partEndpoint,
  finalize: partEndpoint,
  ephemeralcontainers: partEndpoint,
  resize: partEndpoint,
  scale: scaleEndpoint,
  binding: bindingEndpoint,
  eviction: evictionEndpoint,
  log: logEndpoint,
  exec: execEndpoint,
  attach: attachEndpoint,
  portforward: portForwardEndpoint,
  token: tokenEndpoint,
  proxy: nodeProxyEndpoint,
  reboot: nodePowerEndpoint,
  shutdown: nodePowerEndpoint,
};

export function endpointOf(subresource: string): Endpoint | undefined {
  return Object.hasOwn(SUBRESOURCES, subresource) ? SUBRESOURCES[subresource] : undefined;
}
