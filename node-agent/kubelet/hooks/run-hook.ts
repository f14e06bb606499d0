/** Carries out one life-cycle hook of one container. Source: Kubernetes documentation, "Container Lifecycle Hooks". */
import type { LifecycleHandler } from '../../../shared/api/probe.ts';
import { sleep } from '../../../shared/platform/clock.ts';
import { type ExecSession, RuntimeError } from '../../container-runtime/runtime.ts';
import { type ProbeSubject, type ProbeTools, resolvePort } from '../probes/probe-action.ts';
import type { ProbeAnswer } from '../probes/probe-dialer.ts';

/** A hook that calls somebody waits no longer than this for the answer. */
const MAX_CALL_MS = 60_000;

const MAX_OUTPUT_BYTES = 512;

/** Resolves with how it went; when the signal aborts, at once: nobody waits for a hook whose container has to go. */
export async function runHook(
  tools: ProbeTools,
  handler: LifecycleHandler,
  subject: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const work = carryOut(tools, handler, subject, signal);
  const aborted = new Promise<ProbeAnswer>((resolve) => {
    const give = (): void => resolve({ ok: false, message: 'its time is over' });
    if (signal.aborted) give();
    signal.addEventListener('abort', give, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { ok: false, message: error.message };
  } finally {
    work.catch(() => undefined);
  }
}

function carryOut(
  tools: ProbeTools,
  { exec, httpGet, tcpSocket, sleep: pause }: LifecycleHandler,
  { container, containerId, podIp }: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  if (exec) return runCommand(tools, exec.command ?? [], containerId, signal);
  if (pause) return rest(tools, pause.seconds * 1000, signal);
  const target = httpGet ?? tcpSocket;
  if (target === undefined) return Promise.resolve({ ok: true });
  const port = resolvePort(container, target.port);
  if (port === undefined) return Promise.resolve({ ok: false, message: `the container has no port ${target.port}` });
  const address = { host: target.host || podIp, port, timeoutMs: MAX_CALL_MS };
  if (httpGet === undefined) return tools.dialer.tcp(address);
  const { path, scheme = 'HTTP', httpHeaders: headers = [] } = httpGet;
  return tools.dialer.http({ ...address, path: path?.startsWith('/') ? path : `/${path ?? ''}`, scheme, headers });
}

async function rest({ clock }: ProbeTools, delayMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  await sleep(clock, delayMs, signal).catch(() => undefined);
  return { ok: true };
}

async function runCommand(
  { runtime }: ProbeTools,
  command: string[],
  containerId: string,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  let session: ExecSession | undefined;
  const close = (): void => session?.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    session = await runtime.exec(containerId, { command, stdin: false, tty: false });
    let output = '';
    for await (const { bytes } of session.output) {
      if (output.length < MAX_OUTPUT_BYTES) output += Buffer.from(bytes).toString('utf8');
    }
    const code = await session.exitCode();
    if (code === 0) return { ok: true };
    const said = output.slice(0, MAX_OUTPUT_BYTES).trim();
    return { ok: false, message: `command exited with ${code}${said === '' ? '' : `: ${said}`}` };
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}
