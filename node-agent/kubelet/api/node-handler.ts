/**
 * What the node itself answers, when the API server asks on a user's behalf: logs, exec, attach. Paths are those of
 * Kubernetes' kubelet.
 *
 *     GET /containerLogs/{namespace}/{pod}/{container}
 *     GET /exec/{namespace}/{pod}/{container}?command=…&stdin&stdout&stderr&tty
 *     GET /attach/{namespace}/{pod}/{container}?stdin&stdout&stderr&tty
 *     GET /portForward/{namespace}/{pod}?port=N
 *     the rest: node-answers.ts
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { badRequest, notFound, StatusError } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { type Handler, queryFlag, type Request, type Response } from '../../../shared/protocol/exchange.ts';
import type { ContainerRecord, ContainerRuntime } from '../../container-runtime/runtime.ts';
import { runsOf } from '../pod/observed-pod.ts';
import { findContainer, shownStatus } from '../pod/pod-containers.ts';
import { answerChannels, exitStatus, SUCCESS } from './container-channels.ts';
import { answerLogs, parseLogOptions } from './container-logs.ts';
import { type PortForwardOptions, PortForwards } from './port-forward.ts';
import { fromRuntimeError } from './runtime-to-status.ts';

export interface NodeHandlerOptions extends PortForwardOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  /** Answers what is about the node itself; undefined: nothing. */
  answerOwn?(request: Request): Promise<Response | undefined>;
}

interface Target {
  pod: Pod;
  container: string;
  runs: ContainerRecord[];
}

export function createNodeHandler(options: NodeHandlerOptions): Handler {
  const routes: Readonly<Record<string, (request: Request, target: Target) => Promise<Response>>> = {
    containerLogs: (request, target) => serveLogs(options, request, target),
    exec: (request, target) => serveExec(options, request, target),
    attach: (request, target) => serveAttach(options, request, target),
  };
  const forwards = new PortForwards(options);
  return async (request) => {
    const [, verb = '', namespace = '', pod = '', container = '', ...rest] = request.path
      .split('/')
      .map(decodeURIComponent);
    if (verb === 'portForward' && container === '') return forwards.answer(request, { namespace, pod });
    const route = Object.hasOwn(routes, verb) ? routes[verb] : undefined;
    if (route === undefined || container === '' || rest.length > 0 || request.method !== 'GET') {
      const own = await options.answerOwn?.(request);
      if (own !== undefined) return own;
      throw new StatusError('NotFound', 'the server could not find the requested resource');
    }
    try {
      return await route(request, await findTarget(options, { namespace, pod, container }));
    } catch (error) {
      throw fromRuntimeError(error);
    }
  };
}

async function findTarget(
  { pods, state }: NodeHandlerOptions,
  path: { namespace: string; pod: string; container: string },
): Promise<Target> {
  const pod = pods.get(`${path.namespace}/${path.pod}`);
  if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, path.pod);
  if (findContainer(pod.spec, path.container) === undefined) {
    throw badRequest(`container ${path.container} is not valid for pod ${path.pod}`);
  }
  const observed = await state.current(pod.metadata.uid);
  return { pod, container: path.container, runs: runsOf(observed, path.container) };
}

async function serveLogs({ runtime, clock }: NodeHandlerOptions, request: Request, target: Target): Promise<Response> {
  const options = parseLogOptions(request, clock.nowMs());
  const subject = `"${target.container}" in pod "${target.pod.metadata.name}"`;
  const started = target.runs.filter(({ state }) => state !== 'created');
  if (queryFlag(request, 'previous')) {
    const current = target.runs.at(-1);
    const previous = current?.state === 'exited' && isWaiting(target) ? current : target.runs.at(-2);
    if (previous === undefined) throw badRequest(`previous terminated container ${subject} not found`);
    return answerLogs(runtime, previous.id, options);
  }
  const latest = started.at(-1);
  if (latest === undefined) throw badRequest(`container ${subject} is waiting to start: ${waitingReason(target)}`);
  return answerLogs(runtime, latest.id, options);
}

/** Between two runs, the run that ended last is the previous one. */
function isWaiting(target: Target): boolean {
  return shownStatus(target.pod, target.container)?.state.waiting !== undefined;
}

/** Words of Kubernetes for the usual reasons; source: pkg/kubelet, validateContainerLogStatus. */
const WHY_WAITING: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

function waitingReason(target: Target): string {
  const reason = shownStatus(target.pod, target.container)?.state.waiting?.reason ?? 'ContainerCreating';
  return WHY_WAITING[reason] ?? reason;
}

async function serveExec({ runtime }: NodeHandlerOptions, request: Request, target: Target): Promise<Response> {
  const command = [...(request.query['command'] ?? [])];
  if (command.length === 0) throw badRequest('you must specify at least one command for the container');
  const options = { command, stdin: queryFlag(request, 'stdin'), tty: queryFlag(request, 'tty') };
  const session = await runtime.exec(runningRun(target).id, options);
  return answerChannels(session, async () => exitStatus(await session.exitCode()));
}

async function serveAttach({ runtime }: NodeHandlerOptions, request: Request, target: Target): Promise<Response> {
  const stream = await runtime.attach(runningRun(target).id, { stdin: queryFlag(request, 'stdin') });
  return answerChannels(stream, async () => SUCCESS);
}

function runningRun({ container, runs, pod }: Target): ContainerRecord {
  const latest = runs.at(-1);
  if (latest?.state === 'running') return latest;
  throw badRequest(`container "${container}" in pod "${pod.metadata.name}" is not running`);
}
