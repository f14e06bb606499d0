/** How requests reach an agent: logs, exec, attach. Given to the API server by the gateway, which knows the links. */
import type { Request, Response } from '../../shared/protocol/exchange.ts';

/** Rejects with ServiceUnavailable when the node cannot be reached. */
export type NodeProxy = (node: string, request: Request) => Promise<Response>;
