/**
 * Short commands for buttons and automations: a message on `bramble/v1/command/…` becomes one request of whoever sent it.
 * Invariant: it is handled as the session's user and as nobody else; what went wrong is told on the session's own answer
 * topic, under the command's topic as id.
 */
import { badRequest, isStatusError, StatusError, toStatus } from '../../shared/machinery/errors.ts';
import { type Clock, formatTime } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { encodeFrame } from '../../shared/protocol/envelope.ts';
import type { JsonValue, Request } from '../../shared/protocol/exchange.ts';
import { topics } from '../../shared/protocol/topics.ts';
import type { Message, Unsubscribe } from '../../shared/protocol/transport.ts';
import type { SessionIdentity, Sessions } from '../broker/sessions.ts';
import type { RequestHandler } from './request-handler.ts';

export interface MqttCommandsOptions {
  sessions: Sessions;
  apiServer: RequestHandler;
  clock: Pick<Clock, 'nowMs'>;
  logger: Logger;
}

/** Commands of one client that may be under way. */
const MAX_COMMANDS_PER_CLIENT = 16;

const MAX_PAYLOAD_BYTES = 64;

/** As `kubectl rollout restart` does it. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

export class MqttCommands implements Component {
  readonly #options: MqttCommandsOptions;
  readonly #identities = new Map<string, SessionIdentity>();
  readonly #underWay = new Map<string, number>();
  #unsubscribe: Unsubscribe[] = [];

  constructor(options: MqttCommandsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { sessions } = this.#options;
    this.#unsubscribe.push(
      sessions.onSession({
        connected: ({ clientId, identity }) => void this.#identities.set(clientId, identity),
        disconnected: ({ clientId }) => void this.#identities.delete(clientId),
      }),
    );
    const receive = (message: Message): void => void this.#receive(message);
    this.#unsubscribe.push(await sessions.transport().subscribe(topics.allCommands, receive));
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  async #receive({ topic, payload, clientId }: Message): Promise<void> {
    const identity = clientId === undefined ? undefined : this.#identities.get(clientId);
    if (clientId === undefined || identity === undefined) return;
    const count = this.#underWay.get(clientId) ?? 0;
    this.#underWay.set(clientId, count + 1);
    try {
      if (count >= MAX_COMMANDS_PER_CLIENT) {
        throw new StatusError('TooManyRequests', `more than ${MAX_COMMANDS_PER_CLIENT} commands at once`);
      }
      const request = toRequest(topic, payload, this.#options.clock.nowMs());
      const response = await this.#options.apiServer.handle(request, identity);
      await this.#answer(clientId, { id: topic, code: response.code, body: SUCCESS });
    } catch (error) {
      if (!isStatusError(error)) this.#options.logger.error('a command failed', { topic, error });
      const status = toStatus(error);
      await this.#answer(clientId, { id: topic, code: status.code ?? 500, body: status });
    } finally {
      const left = (this.#underWay.get(clientId) ?? 1) - 1;
      if (left > 0) this.#underWay.set(clientId, left);
      else this.#underWay.delete(clientId);
    }
  }

  async #answer(clientId: string, answer: { id: string; code: number; body: unknown }): Promise<void> {
    const frame = encodeFrame({ type: 'response', ...answer });
    await this.#options.sessions.transport().publish(topics.apiResponse(clientId), frame);
  }
}

const SUCCESS = { kind: 'Status', apiVersion: 'v1', status: 'Success' } as const;

type Verb = (words: readonly string[], payload: string, nowMs: number) => Request;

/** By what follows `command/`, names left out. */
const VERBS: Readonly<Record<string, Verb>> = {
  'nodes/cordon': ([node = ''], payload) =>
    patch(`/api/v1/nodes/${node}`, { spec: { unschedulable: readSwitch(payload) ? true : null } }),
  'nodes/reboot': ([node = ''], payload) => {
    checkPress(payload);
    return request({ method: 'POST', path: `/api/v1/nodes/${node}/reboot` });
  },
  'deployments/restart': ([namespace = '', name = ''], payload, nowMs) => {
    checkPress(payload);
    const annotations = { [RESTARTED_AT]: formatTime(nowMs) };
    return patch(deploymentPath(namespace, name), { spec: { template: { metadata: { annotations } } } });
  },
  'deployments/scale': ([namespace = '', name = ''], payload) =>
    patch(`${deploymentPath(namespace, name)}/scale`, { spec: { replicas: readCount(payload) } }),
};

/** Throws BadRequest for what is no command. */
function toRequest(topic: string, payload: Uint8Array, nowMs: number): Request {
  const [, , , branch = '', ...words] = topic.split('/').map(encodeURIComponent);
  const verb = VERBS[`${branch}/${words.at(-1) ?? ''}`];
  const names = words.slice(0, -1);
  if (verb === undefined || names.length !== (branch === 'nodes' ? 1 : 2) || names.includes('')) {
    throw badRequest(`${topic} is no command; there are: ${Object.keys(VERBS).join(', ')}`);
  }
  if (payload.byteLength > MAX_PAYLOAD_BYTES) throw badRequest('the payload of a command is one word');
  return verb(names, Buffer.from(payload).toString('utf8').trim(), nowMs);
}

function deploymentPath(namespace: string, name: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
}

function readSwitch(payload: string): boolean {
  if (payload !== 'ON' && payload !== 'OFF') throw badRequest(`the payload must be ON or OFF, not '${payload}'`);
  return payload === 'ON';
}

function checkPress(payload: string): void {
  if (payload !== 'PRESS') throw badRequest(`the payload must be PRESS, not '${payload}'`);
}

function readCount(payload: string): number {
  if (!/^\d{1,6}$/.test(payload)) throw badRequest(`the payload must be a number of pods, not '${payload}'`);
  return Number(payload);
}

function patch(path: string, body: JsonValue): Request {
  return request({
    method: 'PATCH',
    path,
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    body,
  });
}

function request(fields: Pick<Request, 'method' | 'path'> & Partial<Request>): Request {
  return { query: {}, headers: {}, signal: new AbortController().signal, ...fields };
}
