/** Carries out one probe of one container. */
import type { Container } from '../../../shared/api/container.ts';
import type { Probe } from '../../../shared/api/probe.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import { type ContainerRuntime, type ExecSession, RuntimeError } from '../../container-runtime/runtime.ts';
import type { ProbeAnswer, ProbeDialer } from './probe-dialer.ts';

export interface ProbeSubject {
  container: Container;
  containerId: string;
  /** Address of the pod. */
  podIp: string;
}

export interface ProbeTools {
  runtime: ContainerRuntime;
  dialer: ProbeDialer;
  clock: Clock;
}

const MAX_OUTPUT_BYTES = 512;

/** Never rejects, except when the engine is away: then nothing is known. */
export function runProbe(tools: ProbeTools, probe: Probe, subject: ProbeSubject): Promise<ProbeAnswer> {
  const { httpGet, tcpSocket, grpc, exec } = probe;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (exec) return runCommand(tools, exec.command ?? [], subject.containerId, timeoutMs);
  if (httpGet) {
    const { host, path, scheme = 'HTTP', httpHeaders: headers = [] } = httpGet;
    const port = resolvePort(subject.container, httpGet.port);
    if (port === undefined) return noSuchPort(httpGet.port);
    const rooted = path?.startsWith('/') ? path : `/${path ?? ''}`;
    return tools.dialer.http({ host: host || subject.podIp, port, path: rooted, scheme, headers, timeoutMs });
  }
  if (tcpSocket) {
    const port = resolvePort(subject.container, tcpSocket.port);
    if (port === undefined) return noSuchPort(tcpSocket.port);
    return tools.dialer.tcp({ host: tcpSocket.host || subject.podIp, port, timeoutMs });
  }
  if (grpc) return tools.dialer.grpc({ host: subject.podIp, port: grpc.port, timeoutMs, service: grpc.service ?? '' });
  return Promise.resolve({ ok: true });
}

/** A number, or the name of one of the container's ports. */
export function resolvePort(container: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port);
  return named?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

function noSuchPort(port: number | string): Promise<ProbeAnswer> {
  return Promise.resolve({ ok: false, message: `the container has no port called ${port}` });
}

async function runCommand(
  { runtime, clock }: ProbeTools,
  command: string[],
  containerId: string,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const late = new AbortController();
  let session: ExecSession | undefined;
  try {
    session = await runtime.exec(containerId, { command, stdin: false, tty: false });
    const timeout = sleep(clock, timeoutMs, late.signal).then(
      (): ProbeAnswer => ({
        ok: false,
        message: `command timed out after ${timeoutMs / 1000}s`,
      }),
    );
    timeout.catch(() => undefined);
    return await Promise.race([finish(session), timeout]);
  } catch (error) {
    if (error instanceof RuntimeError && error.reason !== 'unavailable') return { ok: false, message: error.message };
    throw error;
  } finally {
    late.abort();
    session?.close();
  }
}

async function finish(session: ExecSession): Promise<ProbeAnswer> {
  let output = '';
  for await (const { bytes } of session.output) {
    if (output.length < MAX_OUTPUT_BYTES) output += Buffer.from(bytes).toString('utf8');
  }
  const code = await session.exitCode();
  return code === 0 ? { ok: true } : { ok: false, message: output.slice(0, MAX_OUTPUT_BYTES).trim() };
}
