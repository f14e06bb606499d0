/**
 * People who have signed in. A session is a random cookie and the token that was shown; the token is judged anew at each
 * request, so that one that is taken back or has run out ends the session at once. In memory only: a start of the master
 * signs everybody out.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Handler } from '../../../shared/protocol/exchange.ts';

/** Somebody whom the API server knows, and the API as that user: rights are decided there. */
export interface SignedIn {
  name: string;
  handler: Handler;
}

/** Rejects with Unauthorized. */
export type SignIn = (token: string) => Promise<SignedIn>;

/** Beyond these the oldest session ends. */
export const MAX_SESSIONS = 200;
export const SESSION_MS = 12 * 3_600_000;

export class Sessions {
  readonly #signIn: SignIn;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, { token: string; endMs: number }>();

  constructor(signIn: SignIn, clock: Clock) {
    this.#signIn = signIn;
    this.#clock = clock;
  }

  /** The id of a new session and its user; rejects with Unauthorized. */
  async open(token: string): Promise<{ id: string; user: SignedIn }> {
    const user = await this.#signIn(token);
    const id = randomBytes(32).toString('hex');
    const oldest = this.#sessions.keys().next();
    if (this.#sessions.size >= MAX_SESSIONS && !oldest.done) this.#sessions.delete(oldest.value);
    this.#sessions.set(id, { token, endMs: this.#clock.monotonicMs() + SESSION_MS });
    return { id, user };
  }

  async userOf(id: string | undefined): Promise<SignedIn | undefined> {
    const session = id === undefined ? undefined : this.#sessions.get(id);
    if (id === undefined || session === undefined) return undefined;
    if (this.#clock.monotonicMs() > session.endMs) {
      this.close(id);
      return undefined;
    }
    try {
      return await this.#signIn(session.token);
    } catch {
      this.close(id);
      return undefined;
    }
  }

  close(id: string | undefined): void {
    if (id !== undefined) this.#sessions.delete(id);
  }
}
