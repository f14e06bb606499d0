/**
 * The gRPC health check over HTTP/2 without a gRPC library: one message of one string there, one of one number back.
 * Source: gRPC health checking protocol; gRPC over HTTP/2, "Length-Prefixed-Message".
 */
import type { ClientHttp2Session } from 'node:http2';
import type { ProbeAnswer, ProbeTarget } from './probe-dialer.ts';

const SERVING = 1;
/** Compressed flag and length before each message. */
const PREFIX_BYTES = 5;
const MAX_ANSWER_BYTES = 1024;

export async function checkHealth(target: ProbeTarget & { service: string }): Promise<ProbeAnswer> {
  const { host, port, timeoutMs, service } = target;
  // Loaded when the first pod asks for it: most never do.
  const { connect } = await import('node:http2');
  const session = connect(`http://${host}:${port}`);
  try {
    const message = await Promise.race([ask(session, service, timeoutMs), whenFailed(session)]);
    const status = readStatus(message);
    if (status === SERVING) return { ok: true };
    return { ok: false, message: `service unhealthy (responded with status ${status})` };
  } catch (error) {
    return { ok: false, message: `grpc ${host}:${port}: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    session.destroy();
  }
}

function whenFailed(session: ClientHttp2Session): Promise<never> {
  return new Promise((_resolve, reject) => {
    session.on('error', reject);
  });
}

function ask(session: ClientHttp2Session, service: string, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    stream.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs / 1000} s`)));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES)));
    stream.on('error', reject);
    stream.end(renderRequest(service));
  });
}

/** HealthCheckRequest { string service = 1 }, uncompressed. */
export function renderRequest(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; 0 (unknown) when absent. Throws when no message came. */
export function readStatus(answer: Buffer): number {
  if (answer.length < PREFIX_BYTES) throw new Error('no health service answers there');
  const message = answer.subarray(PREFIX_BYTES);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
