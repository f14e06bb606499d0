/**
 * Tokens of registries: fetched when one is asked for, kept while they are good. Bounded; the oldest goes first.
 * Source: distribution, "Token Authentication Specification".
 */
import { createHash } from 'node:crypto';
import { isJsonObject } from '../../../../shared/machinery/json.ts';
import type { PullCredentials } from '../../../../shared/machinery/pull-credentials.ts';
import type { Clock } from '../../../../shared/platform/clock.ts';
import { parseChallenge, tokenUrl } from './challenge.ts';
import type { HttpAnswer, HttpFetch } from './http-fetch.ts';

/** `{}`: nothing to show. */
export type AuthorizationHeader = { authorization?: string };

export interface AuthorizationScope {
  url: URL;
  /** The repository. */
  path: string;
  identity: PullCredentials | undefined;
  allowHttp: boolean;
  ca: string | undefined;
}

const MAX_TOKENS = 256;

/** What the specification says where the server does not. */
const DEFAULT_TOKEN_LIFE_S = 60;

/** A token is not used in its last moments. */
const TOKEN_MARGIN_MS = 10_000;

/** Registries that ask for a name and password in each request are remembered for as long. */
const BASIC_LIFE_MS = 3_600_000;

export class RegistryAuthorization {
  readonly #fetch: HttpFetch;
  readonly #clock: Clock;
  readonly #known = new Map<string, { header: AuthorizationHeader; untilMs: number }>();

  constructor(fetch: HttpFetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  remembered(url: URL, path: string, identity: PullCredentials | undefined): AuthorizationHeader {
    const known = this.#known.get(keyOf(url, path, identity));
    return known !== undefined && known.untilMs > this.#clock.monotonicMs() ? known.header : {};
  }

  /** What to show after a refusal; undefined: nothing can be shown. Rejects with RegistryError. */
  async answer(refusal: HttpAnswer, scope: AuthorizationScope): Promise<AuthorizationHeader | undefined> {
    const { url, path, identity, allowHttp } = scope;
    const challenge = parseChallenge(refusal.headers['www-authenticate'] ?? '');
    const key = keyOf(url, path, identity);
    this.#known.delete(key);
    if (challenge === undefined) return undefined;
    if (challenge.type === 'basic') {
      const header = identity === undefined ? undefined : { authorization: basic(identity) };
      if (header !== undefined) this.#remember(key, header, BASIC_LIFE_MS);
      return header;
    }
    const realm = tokenUrl(challenge, path, allowHttp);
    return realm === undefined
      ? undefined
      : this.#fetchToken(key, realm, realm.host === url.host ? scope : { ...scope, ca: undefined });
  }

  async #fetchToken(
    key: string,
    url: URL,
    { identity, ca }: AuthorizationScope,
  ): Promise<AuthorizationHeader | undefined> {
    const headers = {
      accept: 'application/json',
      ...(identity === undefined ? {} : { authorization: basic(identity) }),
    };
    const answer = await this.#fetch({ method: 'GET', url, headers, ca });
    const grant = answer.status === 200 ? parseGrant(answer.body) : undefined;
    if (grant === undefined) return undefined;
    const header = { authorization: `Bearer ${grant.token}` };
    this.#remember(key, header, grant.lifeSeconds * 1000 - TOKEN_MARGIN_MS);
    return header;
  }

  #remember(key: string, header: AuthorizationHeader, lifeMs: number): void {
    this.#known.delete(key);
    this.#known.set(key, { header, untilMs: this.#clock.monotonicMs() + lifeMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_TOKENS && oldest !== undefined) this.#known.delete(oldest);
  }
}

function basic({ username, password }: PullCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function keyOf({ host }: URL, path: string, identity: PullCredentials | undefined): string {
  const who = identity === undefined ? '' : `${identity.username}\0${identity.password}`;
  return `${host}\n${path}\n${createHash('sha256').update(who).digest('hex')}`;
}

function parseGrant(body: Buffer): { token: string; lifeSeconds: number } | undefined {
  try {
    const grant: unknown = JSON.parse(body.toString('utf8'));
    if (!isJsonObject(grant)) return undefined;
    const token = grant['token'] ?? grant['access_token'];
    const life = grant['expires_in'];
    if (typeof token !== 'string' || token === '') return undefined;
    return { token, lifeSeconds: typeof life === 'number' && life > 0 ? life : DEFAULT_TOKEN_LIFE_S };
  } catch {
    return undefined;
  }
}
