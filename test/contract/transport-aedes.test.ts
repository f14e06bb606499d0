import { connect, createServer, type Socket } from 'node:net';
import { type Broker, createBroker } from '../../master/broker/broker.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { connectMqtt } from '../../shared/protocol/mqtt-transport.ts';
import { nodeClientId } from '../../shared/protocol/topics.ts';
import { transportContract } from './transport-contract.ts';

transportContract('aedes', async () => {
  const broker = await startBroker();
  const random = seededRandom(1);
  return {
    async connect(node, will) {
      const relay = await createRelay(broker.port());
      const transport = connectMqtt({
        clientId: nodeClientId(node),
        connection: () => ({ host: '127.0.0.1', port: relay.port() }),
        ...(will ? { will } : {}),
        clock: systemClock,
        random,
        logger: silentLogger,
      });
      return Object.assign(transport, {
        cut: () => relay.cut(),
        close: closeBoth(transport.close.bind(transport), relay),
      });
    },
    master: () => broker.transport(),
    close: () => broker.stop(),
  };
});

async function startBroker(): Promise<Broker> {
  const broker = createBroker({
    host: '127.0.0.1',
    port: 0,
    tls: 'plain',
    authenticate: async ({ clientId }) => ({
      name: `system:node:${clientId.slice(nodeClientId('').length)}`,
      uid: '',
      groups: ['system:nodes'],
      extra: {},
    }),
    logger: silentLogger,
  });
  await broker.start();
  return broker;
}

interface Relay {
  port(): number;
  /** Ends every connection that goes through. */
  cut(): void;
  close(): void;
}

/** Between a client and the broker, so that a connection can be cut without either's doing. */
async function createRelay(targetPort: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port() {
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function closeBoth(closeTransport: () => Promise<void>, relay: Relay): () => Promise<void> {
  return async () => {
    await closeTransport();
    relay.close();
  };
}
