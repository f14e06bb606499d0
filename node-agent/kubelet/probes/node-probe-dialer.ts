/** Probes over real sockets (adapter: network). Nothing outlives its time limit. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../../../shared/platform/clock.ts';
import { checkHealth } from './grpc-health.ts';
import type { HttpProbeTarget, ProbeAnswer, ProbeDialer, ProbeTarget } from './probe-dialer.ts';

/** Read of a bad answer's body, to show it; Kubernetes' bound is 10 KiB, an event shows far less. */
const MAX_BODY_BYTES = 512;

export function createProbeDialer(clock: Clock): ProbeDialer {
  return { tcp, http: (target) => http(clock, target), grpc: checkHealth };
}

function tcp({ host, port, timeoutMs }: ProbeTarget): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const finish = (answer: ProbeAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish({ ok: true }));
    socket.once('timeout', () => finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('error', (error) => finish({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` }));
  });
}

async function http(clock: Clock, target: HttpProbeTarget): Promise<ProbeAnswer> {
  const { host, port, path, timeoutMs, scheme } = target;
  const url = `${scheme.toLowerCase()}://${host}:${port}${path}`;
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort());
  try {
    const response = await get(target, late.signal);
    const code = response.statusCode ?? 0;
    const body = await readSome(response);
    if (code >= 200 && code < 400) return { ok: true };
    return { ok: false, message: `HTTP probe failed with statuscode: ${code}${body === '' ? '' : ` (${body})`}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const why = late.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : reason;
    return { ok: false, message: `Get "${url}": ${why}` };
  } finally {
    timer.cancel();
  }
}

/** HTTPS is loaded when a pod asks for it. Its certificate is not checked: a probe asks whether the program answers. */
async function get(target: HttpProbeTarget, signal: AbortSignal): Promise<IncomingMessage> {
  const { host, port, path, headers, scheme } = target;
  const request = scheme === 'HTTPS' ? (await import('node:https')).request : httpRequest;
  const named = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  const agent = false;
  const options = {
    ...{ host, port, path, agent, rejectUnauthorized: false, signal },
    headers: { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close', ...named },
  };
  return new Promise((resolve, reject) => {
    const asked = request(options, resolve);
    asked.once('error', reject);
    asked.end();
  });
}

async function readSome(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length >= MAX_BODY_BYTES) break;
  }
  return text.slice(0, MAX_BODY_BYTES).trim();
}
