import { systemClock } from '../../shared/platform/clock.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { nodeClientId } from '../../shared/protocol/topics.ts';
import { createMemoryBroker } from '../support/memory-broker.ts';
import { transportContract } from './transport-contract.ts';

transportContract('memory', async () => {
  const broker = createMemoryBroker({ clock: systemClock, random: seededRandom(1), reconnectMs: 10 });
  return {
    connect: async (node, will) => broker.connect({ clientId: nodeClientId(node), ...(will ? { will } : {}) }),
    master: () => broker.transport(),
    close: async () => undefined,
  };
});
