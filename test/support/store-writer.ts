/**
 * The child of the crash test: writes in bursts to the store at the path of its first argument for ever, and prints a line
 * `KEY REVISION` for each acknowledged write, `memory REVISION` for those that may be lost.
 */
import { openSqliteStore } from '../../master/store/sqlite-store.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';

const [, , path = '', round = '0'] = process.argv;
const BURST_WRITES = 20;
const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, schedule: setImmediate });

async function write(key: string, durability: 'disk' | 'memory'): Promise<void> {
  const result = await store.write({ key, value: `value of ${key}`, durability });
  if (result.ok) process.stdout.write(`${durability === 'disk' ? key : 'memory'} ${result.revision}\n`);
}

for (let burst = 0; ; burst++) {
  const writes = Array.from({ length: BURST_WRITES }, (_, i) => write(`/burst/${round}/${burst}/${i}`, 'disk'));
  await Promise.all([...writes, write('/leases/a', 'memory')]);
}
