/** The contract tests that aedes publishes for persistences, on the broker's own: in memory, and with its file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { BrokerPersistence } from '../../master/broker/persistence/broker-persistence.ts';
import { openPersistenceFile } from '../../master/broker/persistence/persistence-file.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';

/** It comes without types. */
const abstractPersistence: (options: {
  test(name: string, run: (context: TestContext) => Promise<void>): void;
  persistence(): unknown;
  testAsync: boolean;
}) => void = createRequire(import.meta.url)('aedes-persistence/abstract.js');

const folder = mkdtempSync(join(tmpdir(), 'bramble-broker-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

test('what was retained and what waits is there again, what is volatile or confirmed is not', async () => {
  const path = join(folder, 'again.db');
  const open = () =>
    new BrokerPersistence({
      ...{ file: openPersistenceFile(path), clock: systemClock, logger: silentLogger },
      isVolatile: (topic) => topic.startsWith('bramble/'),
    });
  const client = { id: 'sleeper' };
  const message = (topic: string, brokerCounter: number) => ({
    ...{ cmd: 'publish', topic, payload: Buffer.from(topic), qos: 1, retain: true, brokerId: 'b', brokerCounter },
  });
  const before = open();
  await before.claim(client.id, 'mqtt:ann', () => false);
  await before.addSubscriptions(client, [{ topic: 'home/#', qos: 1 }]);
  for (const topic of ['home/a', 'home/b', 'bramble/x']) await before.storeRetained(message(topic, 1));
  await before.storeRetained({ ...message('home/b', 1), payload: Buffer.alloc(0) });
  await before.outgoingEnqueue({ clientId: client.id }, message('home/a', 1));
  await before.outgoingEnqueue({ clientId: client.id }, message('home/c', 2));
  await before.outgoingUpdate(client, { ...message('home/a', 1), messageId: 7 });
  await before.outgoingClearMessageId(client, { messageId: 7 });
  await before.destroy();
  const again = open();
  const retained = await again.createRetainedStream('#').toArray();
  assert.deepEqual(
    retained.map(({ topic }) => topic),
    ['home/a'],
  );
  assert.equal(again.ownerOf(client.id), 'mqtt:ann');
  assert.deepEqual(await again.subscriptionsByClient(client), [{ topic: 'home/#', qos: 1 }]);
  const waiting = await again.outgoingStream(client).toArray();
  assert.deepEqual(
    waiting.map(({ topic }) => topic),
    ['home/c'],
  );
  await again.forgetOwner('mqtt:ann');
  assert.equal(again.ownerOf(client.id), undefined);
  await again.destroy();
  const last = open();
  assert.deepEqual(await last.outgoingStream(client).toArray(), []);
  await last.destroy();
});

test('a damaged file is put aside', async () => {
  const path = join(folder, 'damaged.db');
  writeFileSync(path, 'this is no database, whatever its name says'.repeat(100));
  const put: string[] = [];
  const file = openPersistenceFile(path, (aside) => put.push(aside));
  assert.deepEqual(put, [`${path}.damaged`]);
  assert.deepEqual(file.read().retained, []);
  file.close();
});

for (const kind of ['memory', 'file'] as const) {
  abstractPersistence({
    test: (name, run) => void test(`${kind}: ${name}`, run),
    testAsync: true,
    persistence() {
      files += 1;
      const file = kind === 'file' ? openPersistenceFile(join(folder, `${files}.db`)) : undefined;
      return new BrokerPersistence({ file, clock: systemClock, logger: silentLogger });
    },
  });
}
