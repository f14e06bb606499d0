/**
 * What a node answers about itself, below `nodes/{name}/proxy` of the API. Loaded when it is asked for the first time.
 *
 *     GET  /metrics             for Prometheus
 *     GET  /healthz             ok, or 500 and why not; ?verbose
 *     GET  /doctor              what keeps the board from being a good node
 *     POST /power/reboot        and /power/shutdown, where the agent may
 */
import { StatusError } from '../../../shared/machinery/errors.ts';
import { METRICS_CONTENT_TYPE } from '../../../shared/platform/metrics.ts';
import type { Shell } from '../../../shared/platform/shell.ts';
import { objectResponse, queryFlag, type Request, type Response } from '../../../shared/protocol/exchange.ts';
import type { ContainerRuntime } from '../../container-runtime/runtime.ts';
import { examineNode } from './node-doctor.ts';
import { type NodeMetricsOptions, renderNodeMetrics } from './node-metrics.ts';
import { switchPower } from './node-power.ts';

export interface NodeAnswersOptions extends NodeMetricsOptions {
  runtime: Pick<ContainerRuntime, 'stats' | 'info'>;
  /** The machine's programs, to look for them. */
  shell?: Shell;
  /** Whether the agent may reboot the board and turn it off. */
  powerControl?: boolean;
}

/** undefined: another part of the agent answers this path, or nobody. */
export async function answerNodePath(options: NodeAnswersOptions, request: Request): Promise<Response | undefined> {
  const { method, path } = request;
  const power = /^\/power\/(\w+)$/.exec(path)?.[1];
  if (method === 'POST' && power !== undefined) {
    await switchPower(power, options.powerControl ? options.shell : undefined);
    return objectResponse({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
  }
  if (method !== 'GET') return undefined;
  switch (path) {
    case '/metrics':
    case '/metrics/resource':
      return text(await renderNodeMetrics(options), METRICS_CONTENT_TYPE);
    case '/healthz':
      return answerHealth(options.state.problem, queryFlag(request, 'verbose'));
    case '/doctor':
      return objectResponse(await examineNode({ ...options, shell: options.shell }));
    default:
      return undefined;
  }
}

function answerHealth(problem: string | undefined, verbose: boolean): Response {
  if (problem !== undefined) throw new StatusError('InternalError', `[-]container-runtime failed: ${problem}`);
  return text(verbose ? '[+]ping ok\n[+]container-runtime ok\nhealthz check passed\n' : 'ok');
}

function text(body: string, contentType = 'text/plain; charset=utf-8'): Response {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(body);
  }
  return { type: 'bytes', code: 200, contentType, chunks: chunks() };
}
