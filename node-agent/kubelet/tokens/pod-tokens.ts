/**
 * Tokens of pods' service accounts: asked for in the background, bound to the pod, renewed when four fifths of their life are
 * over. A pod never waits for the master: an old token stays where it is until there is a new one. After a restart of the
 * agent the file in the volume is what is known.
 */
import { ServiceAccountRef } from '../../../shared/api/kind-refs.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ServiceAccountTokenProjection } from '../../../shared/api/volume-files.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError, StatusError } from '../../../shared/machinery/errors.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import { type Clock, parseTime } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { type KnownToken, parseToken, renewAtMs } from './token-life.ts';

export type TokenState =
  /** Look again after `renewInMs`. */
  | { state: 'present'; token: string; renewInMs: number }
  /** The first one is on its way. */
  | { state: 'pending' }
  | { state: 'failed'; message: string; isUnreachable: boolean; retryInMs: number };

export interface TokenReader {
  /** `present`: the token that was written before, if any; read at most once. */
  token(
    pod: Pod,
    projection: ServiceAccountTokenProjection,
    present: () => Promise<string | undefined>,
  ): Promise<TokenState>;
}

export interface PodTokensOptions {
  client: Pick<Client, 'post'>;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** The answer for a pod's token has come. */
  onChange(uid: string): void;
}

interface Entry {
  uid: string;
  token: KnownToken | undefined;
  isAsking: boolean;
  failures: number;
  failure: { message: string; isUnreachable: boolean } | undefined;
  retryAtMs: number;
}

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, factor: 2, jitter: 0.2 };

/** The master does not get all renewals of a board at once. */
const MAX_JITTER_MS = 10_000;

export class PodTokens implements TokenReader {
  readonly #options: PodTokensOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: PodTokensOptions) {
    this.#options = options;
  }

  async token(
    pod: Pod,
    projection: ServiceAccountTokenProjection,
    present: () => Promise<string | undefined>,
  ): Promise<TokenState> {
    const { uid } = pod.metadata;
    const key = `${uid}/${projection.audience ?? ''}/${projection.expirationSeconds}`;
    const entry = this.#entries.get(key) ?? (await this.#restore(key, uid, present));
    const { clock } = this.#options;
    const dueInMs = entry.token === undefined ? 0 : renewAtMs(entry.token) - clock.nowMs();
    const retryInMs = Math.max(0, entry.retryAtMs - clock.monotonicMs());
    if (dueInMs <= 0 && retryInMs === 0 && !entry.isAsking) void this.#ask(pod, projection, entry);
    if (entry.token) return { state: 'present', token: entry.token.text, renewInMs: Math.max(dueInMs, retryInMs) };
    if (entry.failure === undefined || entry.isAsking) return { state: 'pending' };
    return { state: 'failed', ...entry.failure, retryInMs };
  }

  /** The master can be reached again. */
  retryNow(): void {
    for (const entry of this.#entries.values()) entry.retryAtMs = 0;
  }

  forget(uid: string): void {
    for (const [key, entry] of [...this.#entries]) if (entry.uid === uid) this.#entries.delete(key);
  }

  async #restore(key: string, uid: string, present: () => Promise<string | undefined>): Promise<Entry> {
    const text = await present();
    const token = text === undefined ? undefined : parseToken(text, uid);
    const entry: Entry = { uid, token, isAsking: false, failures: 0, failure: undefined, retryAtMs: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  async #ask(pod: Pod, projection: ServiceAccountTokenProjection, entry: Entry): Promise<void> {
    const { clock, random, logger, onChange } = this.#options;
    entry.isAsking = true;
    try {
      entry.token = await this.#request(pod, projection);
      entry.failures = 0;
      entry.failure = undefined;
      // Not asked for again at once when the clocks of master and board differ.
      entry.retryAtMs = clock.monotonicMs() + RETRY.maxMs + (random.nextUint32() % MAX_JITTER_MS);
    } catch (error) {
      entry.failure = describe(error);
      entry.retryAtMs = clock.monotonicMs() + computeBackoffMs(RETRY, entry.failures, random);
      entry.failures += 1;
      logger.warn('no token for a pod', { pod: pod.metadata.name, error });
    }
    entry.isAsking = false;
    if (this.#isKnown(entry)) onChange(entry.uid);
  }

  #isKnown(entry: Entry): boolean {
    return [...this.#entries.values()].includes(entry);
  }

  async #request(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): Promise<KnownToken> {
    const { client, clock } = this.#options;
    const { name, namespace, uid } = pod.metadata;
    const account = { namespace: namespace ?? '', name: pod.spec.serviceAccountName || 'default' };
    const answer = await client.post(ServiceAccountRef, account, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience ? { audiences: [audience] } : {}),
        expirationSeconds,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      },
    });
    const { token, expirationTimestamp } = readStatus(answer);
    const expiresAtMs = parseTime(expirationTimestamp);
    if (expiresAtMs === undefined) throw new StatusError('InternalError', 'the answer has no token');
    const issuedAtMs = parseToken(token, uid)?.issuedAtMs ?? clock.nowMs();
    return { text: token, issuedAtMs, expiresAtMs };
  }
}

/** The edge: what came back has the shape of a TokenRequest, or it is an error. */
function readStatus(answer: unknown): { token: string; expirationTimestamp: string } {
  const status: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'status') : undefined;
  const read = (name: string): unknown =>
    typeof status === 'object' && status !== null ? Reflect.get(status, name) : undefined;
  const [token, expirationTimestamp] = [read('token'), read('expirationTimestamp')];
  if (typeof token === 'string' && typeof expirationTimestamp === 'string') return { token, expirationTimestamp };
  throw new StatusError('InternalError', 'the answer has no token');
}

function describe(error: unknown): { message: string; isUnreachable: boolean } {
  const why = error instanceof Error ? error.message : String(error);
  const isUnreachable = isStatusError(error, 'ServiceUnavailable') || isStatusError(error, 'Timeout');
  return { message: `failed to fetch token: ${why}`, isUnreachable };
}
