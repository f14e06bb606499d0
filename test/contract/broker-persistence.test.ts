/** The contract tests that aedes publishes for persistences, on the broker's own: in memory, and with its file. */
import { mkdtempSync, rmSync } from 'node:fs';
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
