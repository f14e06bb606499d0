/** What the doors need of the API server: one request of one user, answered. */
import type { Request, Response } from '../../shared/protocol/exchange.ts';
import type { UserInfo } from '../apiserver/user-info.ts';

export interface RequestHandler {
  /** Rejects with a StatusError. */
  handle(request: Request, user: UserInfo): Promise<Response>;
}
