/** A client and a server of the RPC contract over the memory broker, on a clock that the test moves. */
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import type { Handler, Request } from '../../../shared/protocol/exchange.ts';
import { createRpcClient, type RpcClient } from '../../../shared/protocol/rpc-client.ts';
import { createRpcServer, type RpcServer, type RpcServerLimits } from '../../../shared/protocol/rpc-server.ts';
import { topics } from '../../../shared/protocol/topics.ts';
import { createMemoryBroker, type Faults, type MemoryBroker, type MemorySession } from '../../support/memory-broker.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

export interface Harness {
  clock: VirtualClock;
  broker: MemoryBroker;
  session: MemorySession;
  client: RpcClient;
  server: RpcServer;
}

export interface HarnessOptions {
  handler(request: Request, clientId: string): ReturnType<Handler>;
  seed?: number;
  faults?: Partial<Faults>;
  limits?: Partial<RpcServerLimits>;
}

export async function createHarness(options: HarnessOptions): Promise<Harness> {
  const clock = createVirtualClock();
  const random = seededRandom(options.seed ?? 1);
  const broker = createMemoryBroker({ clock, random, faults: options.faults });
  const server = createRpcServer({
    transport: broker.transport(),
    requestFilter: topics.apiRequest('+'),
    handler: options.handler,
    clock,
    logger: silentLogger,
    limits: options.limits,
  });
  broker.onSession({ connected: () => undefined, disconnected: ({ clientId }) => server.clientGone(clientId) });
  await server.start();
  const session = broker.connect({ clientId: 'phone' });
  const client = createRpcClient({
    transport: session,
    requestTopic: topics.apiRequest('phone'),
    responseTopic: topics.apiResponse('phone'),
    clock,
    random,
    logger: silentLogger,
    peer: 'the master',
  });
  return { clock, broker, session, client, server };
}

export function get(path: string, options: Partial<Request> = {}): Request {
  return { method: 'GET', path, query: {}, headers: {}, signal: new AbortController().signal, ...options };
}

/** Moves the clock in steps until the promise is settled; fails after `limitMs` of virtual time. */
export async function settleWithin<T>(clock: VirtualClock, limitMs: number, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await clock.settle();
  for (let spentMs = 0; !settled && spentMs < limitMs; spentMs += 250) await clock.advance(250);
  if (!settled) throw new Error(`not settled within ${limitMs} ms of virtual time`);
  return promise;
}
