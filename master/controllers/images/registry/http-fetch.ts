/**
 * One HTTP request with a bounded answer (adapter: node:http and node:https, which the master has loaded anyway). Nothing is
 * followed, nothing is retried: the registry client decides.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../../../shared/platform/clock.ts';
import { RegistryError } from './registry-error.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD';
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** PEM of a CA to trust beside the system's. */
  ca: string | undefined;
}

export interface HttpAnswer {
  status: number;
  /** Lower-case names, repeated ones joined. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** Rejects with RegistryError. */
export type HttpFetch = (request: HttpRequest) => Promise<HttpAnswer>;

const TIMEOUT_MS = 10_000;

/** Manifest lists of large images are some 50 kB; image configurations may be larger. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** TLS alerts and checks that say that the certificate is the problem. */
const UNTRUSTED_CODES = /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

export function createHttpFetch(clock: Clock): HttpFetch {
  return (request) =>
    new Promise((resolve, reject) => {
      const { method, url, headers, ca } = request;
      const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const fail = (error: unknown): void => {
        timer.cancel();
        reject(toRegistryError(error, url.host));
      };
      // No agent: a registry is asked once in a while, and idle connections would keep memory.
      const sent = send(url, { method, headers, agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
        readAnswer(response).then((answer) => {
          timer.cancel();
          resolve(answer);
        }, fail);
      });
      const timer = clock.after(TIMEOUT_MS, () => sent.destroy(new RegistryError('unreachable', 'it does not answer')));
      sent.once('error', fail);
      sent.end();
    });
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    total += bytes.length;
    if (total > MAX_BODY_BYTES) {
      response.destroy();
      throw new RegistryError('invalid', `its answer is larger than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(bytes);
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) };
}

function toRegistryError(error: unknown, host: string): RegistryError {
  if (error instanceof RegistryError) return new RegistryError(error.reason, `registry ${host}: ${error.message}`);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const isUntrusted = UNTRUSTED_CODES.test(code);
  return new RegistryError(isUntrusted ? 'untrusted' : 'unreachable', `registry ${host}: ${explain(code, error)}`);
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of that name (DNS)',
  EAI_AGAIN: 'its name cannot be looked up now (DNS)',
  ECONNREFUSED: 'nobody listens there',
  EHOSTUNREACH: 'no route leads there',
  ENETUNREACH: 'no route leads there',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it hung up',
  EPROTO: 'it does not speak TLS',
};

function explain(code: string, error: unknown): string {
  return EXPLANATIONS[code] ?? (error instanceof Error ? error.message : String(error));
}
