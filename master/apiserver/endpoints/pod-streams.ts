/**
 * pods/log, pods/exec and pods/attach: the agent of the pod's node answers, the API server finds it and checks the request.
 * The agent's paths are `/containerLogs|exec|attach/{namespace}/{pod}/{container}`.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { badRequest, invalid } from '../../../shared/machinery/errors.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { queryFlag, queryValue, type Request, type Response } from '../../../shared/protocol/exchange.ts';
import type { StoredContext } from '../request/request-context.ts';
import type { Services } from '../services.ts';
import { asKind } from '../storage/api-object.ts';
import { chooseContainer } from './container-choice.ts';
import { type Endpoint, methodNotAllowed, notImplemented } from './endpoint.ts';
import { readObject } from './objects.ts';

type Query = Record<string, readonly string[]>;

const LOG_PARAMETERS: readonly string[] = [
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'stream',
];

export const logEndpoint: Endpoint = async (services, context) => {
  if (context.info.verb !== 'get') throw methodNotAllowed();
  checkLogParameters(context.request);
  return callNode(services, context, { action: 'containerLogs', query: pick(context.request, LOG_PARAMETERS) });
};

export const execEndpoint: Endpoint = async (services, context) => {
  const command = context.request.query['command'] ?? [];
  if (command.length === 0) throw badRequest('you must specify at least one command for the container');
  const query = pick(context.request, ['command', 'stdin', 'stdout', 'stderr', 'tty']);
  return callNode(services, context, { action: 'exec', query: withOutput(context.request, query) });
};

export const attachEndpoint: Endpoint = async (services, context) => {
  const query = pick(context.request, ['stdin', 'stdout', 'stderr', 'tty']);
  return callNode(services, context, { action: 'attach', query: withOutput(context.request, query) });
};

interface NodeCall {
  action: 'containerLogs' | 'exec' | 'attach';
  query: Query;
}

async function callNode(services: Services, context: StoredContext, { action, query }: NodeCall): Promise<Response> {
  const pod = asKind<Pod>(context.kind, await readObject(services, context));
  const container = chooseContainer(pod, queryValue(context.request, 'container') ?? '');
  if (action !== 'containerLogs') refuseEnded(pod);
  const { namespace, name } = pod.metadata;
  const node = pod.spec.nodeName;
  if (!node) throw badRequest(`pod ${name} does not have a host assigned`);
  if (services.nodeProxy === undefined) throw notImplemented('reaching nodes');
  const parts = [defined(namespace, "the pod's namespace"), name, container].map(encodeURIComponent);
  return services.nodeProxy(node, {
    method: 'GET',
    path: `/${action}/${parts.join('/')}`,
    query,
    headers: {},
    signal: context.request.signal,
  });
}

function refuseEnded({ status }: Pod): void {
  if (status.phase !== 'Succeeded' && status.phase !== 'Failed') return;
  throw badRequest(`cannot exec or attach into a container in a completed pod; current phase is ${status.phase}`);
}

function pick(request: Request, names: readonly string[]): Query {
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = request.query[name];
      return values === undefined ? [] : [[name, values] as const];
    }),
  );
}

/** Without any stream there is nothing to do; a terminal has no stderr of its own. */
function withOutput(request: Request, query: Query): Query {
  const wanted = ['stdin', 'stdout', 'stderr'].filter((name) => queryFlag(request, name));
  if (wanted.length === 0) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  const { stderr: _, ...rest } = query;
  return queryFlag(request, 'tty') ? rest : query;
}

function checkLogParameters(request: Request): void {
  for (const name of ['sinceSeconds', 'tailLines', 'limitBytes']) {
    const text = queryValue(request, name);
    if (text === undefined || /^\d{1,15}$/.test(text)) continue;
    const message = `Invalid value: ${JSON.stringify(text)}: must be a whole number that is not negative`;
    throw invalid({ group: '', kind: 'PodLogOptions' }, '', [{ type: 'invalid', field: name, message }]);
  }
  if (queryValue(request, 'sinceSeconds') !== undefined && queryValue(request, 'sinceTime') !== undefined) {
    const message = 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified';
    throw invalid({ group: '', kind: 'PodLogOptions' }, '', [{ type: 'forbidden', field: 'sinceSeconds', message }]);
  }
}
