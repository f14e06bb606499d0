/**
 * The few requests of the page beside its WebSocket, each a small JSON value:
 *
 *     GET    /api/session                      how the page may be used, and who has signed in
 *     POST   /api/session    {token}           signs in         DELETE /api/session    signs out
 *     GET    /api/history?board=               the last hours of a board
 *     GET    /api/placement?namespace=&pod=    the scheduler's reasons, board by board
 *     GET    /api/rights?about=                the actions that this person may take
 *     POST   /api/actions    {action, about}   takes one
 */
import type { IncomingMessage } from 'node:http';
import { createClient } from '../../../shared/client/create-client.ts';
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Handler } from '../../../shared/protocol/exchange.ts';
import { type Action, isAction } from '../actions/action-names.ts';
import { parseTarget, runAction } from '../actions/actions.ts';
import { allowedActions, maySeeAll } from '../actions/rights.ts';
import type { History } from '../history/history.ts';
import { readJson } from './body.ts';
import { COOKIE, readCookie, renderCookie } from './cookie.ts';
import { isSameOrigin } from './http.ts';
import type { Sessions, SignedIn } from './sessions.ts';

/** Who may look: everybody on the LAN, or only who has signed in. */
export type Access = 'open' | 'sign-in';

export interface PageApiOptions {
  access: Access;
  sessions: Sessions;
  history: History;
  /** The API as the status page itself. */
  handler: Handler;
  clock: Clock;
}

export interface Answer {
  code: number;
  body: JsonObject;
  cookie?: string;
}

/** Whether this request may see the cluster, and as whom the API is asked for it; undefined: it must sign in first. */
export interface Viewer {
  user?: SignedIn;
  handler: Handler;
}

type Route = (api: PageApi, request: IncomingMessage, url: URL) => Promise<Answer>;

export class PageApi {
  readonly #options: PageApiOptions;

  constructor(options: PageApiOptions) {
    this.#options = options;
  }

  /** Rejects with a StatusError. */
  async answer(request: IncomingMessage, url: URL): Promise<Answer> {
    const key = `${request.method} ${url.pathname}`;
    const route = Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
    if (route === undefined) throw new StatusError('NotFound', 'not found');
    // A browser says where a script comes from; what changes something is for scripts of this page only.
    if (!isSameOrigin(request.headers, request.method !== 'GET')) {
      throw new StatusError('Forbidden', 'only for this page itself');
    }
    return route(this, request, url);
  }

  async viewer(request: IncomingMessage): Promise<Viewer | undefined> {
    const { access, handler } = this.#options;
    const user = await this.#userOf(request);
    if (access === 'open') return { user, handler };
    return user === undefined ? undefined : { user, handler: user.handler };
  }

  async session(request: IncomingMessage): Promise<Answer> {
    const user = await this.#userOf(request);
    return { code: 200, body: { access: this.#options.access, user: user?.name ?? null } };
  }

  async signIn(request: IncomingMessage): Promise<Answer> {
    const { token } = await readJson(request);
    if (typeof token !== 'string' || token === '') throw badRequest('show a token');
    const { access, sessions } = this.#options;
    const { id, user } = await sessions.open(token.trim());
    if (access === 'sign-in' && !(await maySeeAll(user.handler))) {
      sessions.close(id);
      throw new StatusError('Forbidden', `${user.name} may not list nodes, pods and events of the whole cluster`);
    }
    return { code: 200, body: { access, user: user.name }, cookie: renderCookie(id, isSecure(request)) };
  }

  async signOut(request: IncomingMessage): Promise<Answer> {
    this.#options.sessions.close(readCookie(request.headers.cookie, COOKIE));
    return {
      code: 200,
      body: { access: this.#options.access, user: null },
      cookie: renderCookie('', isSecure(request)),
    };
  }

  async history(request: IncomingMessage, url: URL): Promise<Answer> {
    await this.#mustSee(request);
    const history = this.#options.history.read(url.searchParams.get('board') ?? '', this.#options.clock.nowMs());
    if (history === undefined) throw new StatusError('NotFound', 'nothing is remembered of that board');
    return { code: 200, body: { ...history } };
  }

  async placement(request: IncomingMessage, url: URL): Promise<Answer> {
    const { handler } = await this.#mustSee(request);
    const [namespace, pod] = ['namespace', 'pod'].map((name) => encodeURIComponent(url.searchParams.get(name) ?? ''));
    if (!namespace || !pod) throw badRequest('name a pod and its namespace');
    const path = `/apis/bramble.dev/v1/namespaces/${namespace}/placements/${pod}`;
    const signal = new AbortController().signal;
    const response = await handler({ method: 'GET', path, query: {}, headers: { accept: 'application/json' }, signal });
    if (response.type !== 'object') throw new StatusError('InternalError', 'the scheduler did not answer');
    return { code: response.code, body: { placement: response.body } };
  }

  async rights(request: IncomingMessage, url: URL): Promise<Answer> {
    const user = await this.#mustBeSignedIn(request);
    const target = parseTarget(url.searchParams.get('about') ?? '');
    return { code: 200, body: { actions: await allowedActions(user.handler, target) } };
  }

  async act(request: IncomingMessage): Promise<Answer> {
    const user = await this.#mustBeSignedIn(request);
    const { about, action, replicas } = await readJson(request);
    const message = await runAction(asAction(action), {
      client: createClient(user.handler),
      clock: this.#options.clock,
      target: parseTarget(String(about)),
      ...(typeof replicas === 'number' ? { replicas } : {}),
    });
    return { code: 200, body: { message } };
  }

  #userOf(request: IncomingMessage): Promise<SignedIn | undefined> {
    return this.#options.sessions.userOf(readCookie(request.headers.cookie, COOKIE));
  }

  async #mustSee(request: IncomingMessage): Promise<Viewer> {
    const viewer = await this.viewer(request);
    if (viewer === undefined) throw new StatusError('Unauthorized', 'sign in first');
    return viewer;
  }

  async #mustBeSignedIn(request: IncomingMessage): Promise<SignedIn> {
    const user = await this.#userOf(request);
    if (user === undefined) throw new StatusError('Unauthorized', 'sign in first');
    return user;
  }
}

const ROUTES: Readonly<Record<string, Route>> = {
  'GET /api/session': (api, request) => api.session(request),
  'POST /api/session': (api, request) => api.signIn(request),
  'DELETE /api/session': (api, request) => api.signOut(request),
  'GET /api/history': (api, request, url) => api.history(request, url),
  'GET /api/placement': (api, request, url) => api.placement(request, url),
  'GET /api/rights': (api, request, url) => api.rights(request, url),
  'POST /api/actions': (api, request) => api.act(request),
};

function asAction(value: unknown): Action {
  if (!isAction(value)) throw badRequest('there is no such action');
  return value;
}

function isSecure(request: IncomingMessage): boolean {
  return 'encrypted' in request.socket && request.socket.encrypted === true;
}
