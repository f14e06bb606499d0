/** Links of nodes become Leases; requests reach agents only over a link that is up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createNodeLinks,
  LINK_ANNOTATION,
  type NodeLinks,
  START_GRACE_MS,
} from '../../../master/gateway/node-links.ts';
import { createNodeProxies } from '../../../master/gateway/node-proxy.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { objectResponse } from '../../../shared/protocol/exchange.ts';
import { createRpcServer } from '../../../shared/protocol/rpc-server.ts';
import { nodeClientId, topics } from '../../../shared/protocol/topics.ts';
import { createMemoryBroker, type MemoryBroker, type MemorySession } from '../../support/memory-broker.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { get } from '../protocol/rpc-harness.ts';
import { createObjectHandler, type ObjectHandler } from './object-handler.ts';

interface World {
  clock: VirtualClock;
  broker: MemoryBroker;
  api: ObjectHandler;
  links: NodeLinks;
  linkOf(node: string): unknown;
}

async function createWorld(): Promise<World> {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const broker = createMemoryBroker({ clock, random });
  const api = createObjectHandler();
  const links = createNodeLinks({
    sessions: broker,
    client: createClient(api.handler),
    clock,
    random,
    logger: silentLogger,
  });
  const linkOf = (node: string): unknown => {
    const annotations = api.get(leasePath(node))?.metadata['annotations'];
    return typeof annotations === 'object' && annotations !== null && Reflect.get(annotations, LINK_ANNOTATION);
  };
  return { clock, broker, api, links, linkOf };
}

function leasePath(node: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`;
}

/** An agent as far as links go: says at each connection which session is online, and leaves a will. */
function connectAgent(broker: MemoryBroker, node: string): MemorySession {
  let sessions = 0;
  const status = (online: boolean): Uint8Array =>
    Buffer.from(JSON.stringify({ online, session: `${node}-${sessions}` }));
  const session = broker.connect({
    clientId: nodeClientId(node),
    identity: { name: `system:node:${node}`, uid: '', groups: ['system:nodes'], extra: {} },
    will() {
      sessions += 1;
      return { topic: topics.nodeStatus(node), payload: status(false), retain: true };
    },
  });
  session.onLink((up) => {
    if (up) session.publish(topics.nodeStatus(node), status(true), { qos: 1, retain: true }).catch(() => undefined);
  });
  return session;
}

test('a connected node has a lease that says so; a dead process turns it at once', async () => {
  const { clock, broker, links, linkOf, api } = await createWorld();
  await links.start();
  api.put('/api/v1/nodes', { metadata: { name: 'pi' } });
  const agent = connectAgent(broker, 'pi');
  await clock.advance(1_000);
  assert.equal(linkOf('pi'), 'up');
  assert(links.isUp('pi'));
  agent.kill();
  await clock.advance(100);
  assert.equal(linkOf('pi'), 'down');
  await links.stop();
});

test('a silent cut is noticed by the keep-alive, within 10 seconds', async () => {
  const { clock, broker, links, linkOf, api } = await createWorld();
  await links.start();
  api.put('/api/v1/nodes', { metadata: { name: 'pi' } });
  const agent = connectAgent(broker, 'pi');
  await clock.advance(1_000);
  agent.partition();
  await clock.advance(5_000);
  assert.equal(linkOf('pi'), 'up');
  await clock.advance(5_000);
  assert.equal(linkOf('pi'), 'down');
  agent.heal();
  await clock.advance(2_000);
  assert.equal(linkOf('pi'), 'up');
  await links.stop();
});

test('the late will of an old session does not mark the new one down', async () => {
  const { clock, broker, links, linkOf } = await createWorld();
  await links.start();
  connectAgent(broker, 'pi');
  await clock.advance(1_000);
  const late = Buffer.from(JSON.stringify({ online: false, session: 'an older one' }));
  await broker.transport().publish(topics.nodeStatus('pi'), late, { retain: true });
  await clock.advance(1_000);
  assert.equal(linkOf('pi'), 'up');
  await broker.transport().publish(topics.nodeStatus('pi'), Buffer.from('{"online":"maybe"}'));
  await broker.transport().publish(topics.nodeStatus('pi'), Buffer.from('garbage'));
  await clock.advance(1_000);
  assert.equal(linkOf('pi'), 'up');
  await links.stop();
});

test('an agent that says good-bye is down without a will', async () => {
  const { clock, broker, links, linkOf, api } = await createWorld();
  await links.start();
  api.put('/api/v1/nodes', { metadata: { name: 'pi' } });
  const agent = connectAgent(broker, 'pi');
  await clock.advance(1_000);
  await agent.close();
  await clock.advance(100);
  assert.equal(linkOf('pi'), 'down');
  await links.stop();
});

test('a client id of a node without its identity is nobody', async () => {
  const { clock, broker, links } = await createWorld();
  await links.start();
  const impostor = broker.connect({ clientId: nodeClientId('pi') });
  await impostor.publish(topics.nodeStatus('pi'), Buffer.from('{"online":true,"session":"x"}'));
  await clock.advance(1_000);
  assert(!links.isUp('pi'));
  await links.stop();
});

test('nodes that do not come back after a start of the master are down when the grace is over', async () => {
  const { clock, broker, links, linkOf, api } = await createWorld();
  api.put('/api/v1/nodes', { metadata: { name: 'back' } });
  api.put('/api/v1/nodes', { metadata: { name: 'lost' } });
  await links.start();
  connectAgent(broker, 'back');
  await clock.advance(START_GRACE_MS - 1_000);
  assert.equal(linkOf('back'), 'up');
  assert.equal(linkOf('lost'), false);
  await clock.advance(2_000);
  assert.equal(linkOf('back'), 'up');
  assert.equal(linkOf('lost'), 'down');
  api.put('/api/v1/nodes', { metadata: { name: 'made-by-hand' } });
  await clock.advance(1_000);
  assert.equal(linkOf('made-by-hand'), 'down');
  await links.stop();
});

test('a node that was removed leaves no lease behind', async () => {
  const { clock, broker, links, linkOf, api } = await createWorld();
  await links.start();
  api.put('/api/v1/nodes', { metadata: { name: 'pi' } });
  const agent = connectAgent(broker, 'pi');
  await clock.advance(START_GRACE_MS + 1_000);
  api.remove('/api/v1/nodes/pi');
  await clock.advance(1_000);
  assert.equal(linkOf('pi'), 'up', 'its agent is still there');
  agent.kill();
  await clock.advance(1_000);
  assert.equal(api.get(leasePath('pi')), undefined);
  await links.stop();
});

test('a quiet cluster writes nothing', async () => {
  const { clock, broker, links, api } = await createWorld();
  await links.start();
  api.put('/api/v1/nodes', { metadata: { name: 'pi' } });
  connectAgent(broker, 'pi');
  await clock.advance(60_000);
  const writes = api.writes.length;
  await clock.advance(3_600_000);
  assert.equal(api.writes.length, writes);
  await links.stop();
});

test('requests reach an agent while its link is up, and fail clearly otherwise', async () => {
  const { clock, broker, links } = await createWorld();
  await links.start();
  const proxies = createNodeProxies({ sessions: broker, links, clock, random: seededRandom(2), logger: silentLogger });
  await proxies.start();
  const refused = (error: unknown): boolean =>
    isStatusError(error, 'ServiceUnavailable') && error.message.includes('node pi');
  await assert.rejects(proxies.call('pi', get('/containerLogs/a/b/c')), refused);

  const agent = connectAgent(broker, 'pi');
  const hold = Promise.withResolvers<never>();
  const server = createRpcServer({
    transport: agent,
    requestFilter: topics.nodeRequest('pi'),
    handler: ({ path }) => (path === '/slow' ? hold.promise : Promise.resolve(objectResponse({ path }))),
    clock,
    logger: silentLogger,
  });
  await server.start();
  await clock.advance(100);
  const call = proxies.call('pi', get('/containerLogs/a/b/c'));
  await clock.settle();
  assert.deepEqual(await call, objectResponse({ path: '/containerLogs/a/b/c' }));

  const slow = proxies.call('pi', get('/slow'));
  await clock.settle();
  agent.kill();
  await assert.rejects(slow, refused);
  await proxies.stop();
  await links.stop();
});
