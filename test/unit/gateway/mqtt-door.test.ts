/** The MQTT door: requests come with the identity of their session, and end with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../../../master/apiserver/user-info.ts';
import { createMqttDoor } from '../../../master/gateway/mqtt-door.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { objectResponse, type Request } from '../../../shared/protocol/exchange.ts';
import { createRpcClient, type RpcClient } from '../../../shared/protocol/rpc-client.ts';
import { topics } from '../../../shared/protocol/topics.ts';
import { createMemoryBroker, type MemorySession } from '../../support/memory-broker.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { get } from '../protocol/rpc-harness.ts';

function createWorld(handle: (request: Request, user: UserInfo) => ReturnType<RpcClient['call']>) {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const broker = createMemoryBroker({ clock, random });
  const door = createMqttDoor({ sessions: broker, apiServer: { handle }, clock, logger: silentLogger });
  const connect = (clientId: string, name: string): { session: MemorySession; client: RpcClient } => {
    const session = broker.connect({ clientId, identity: { name, uid: '', groups: [`of-${name}`], extra: {} } });
    const client = createRpcClient({
      transport: session,
      requestTopic: topics.apiRequest(clientId),
      responseTopic: topics.apiResponse(clientId),
      clock,
      random,
      logger: silentLogger,
    });
    return { session, client };
  };
  return { clock, broker, door, connect };
}

test('each request is answered as the user of its session, whenever the session began', async () => {
  const { clock, door, connect } = createWorld(async (_request, user) => objectResponse([user.name, ...user.groups]));
  const early = connect('phone', 'ann');
  await door.start();
  const late = connect('laptop', 'bob');
  for (const [client, name] of [
    [early.client, 'ann'],
    [late.client, 'bob'],
  ] as const) {
    const call = client.call(get('/api'));
    await clock.settle();
    assert.deepEqual(await call, objectResponse([name, `of-${name}`]));
  }
  await door.stop();
});

test('when a session ends its requests are aborted, and the next one with the same client id is not answered for it', async () => {
  const aborted: string[] = [];
  const { clock, door, connect, broker } = createWorld((request, user) => {
    request.signal.addEventListener('abort', () => aborted.push(user.name));
    return new Promise(() => undefined);
  });
  await door.start();
  const first = connect('phone', 'ann');
  first.client.call(get('/api')).catch(() => undefined);
  await clock.settle();
  await first.session.close();
  const seen: string[] = [];
  await broker.transport().subscribe(topics.apiResponse('phone'), ({ topic }) => seen.push(topic));
  connect('phone', 'bob');
  await clock.advance(60_000);
  assert.deepEqual(aborted, ['ann']);
  assert.deepEqual(seen, []);
  await door.stop();
});

test('a frame without a session is dropped', async () => {
  let handled = 0;
  const { clock, door, broker } = createWorld(async () => {
    handled += 1;
    return objectResponse({});
  });
  await door.start();
  await broker.transport().publish(topics.apiRequest('ghost'), Buffer.from('{"id":"1","method":"GET","path":"/"}'));
  await clock.settle();
  assert.equal(handled, 0);
  await door.stop();
});
