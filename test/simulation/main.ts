/** `npm run sim -- --seed N [--count M] [--minutes M] [--nodes N] [--trace] [--log]`: runs seeds and says what went wrong. */
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/platform/clock.ts';
import { createLogger } from '../../shared/platform/logger.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '3' },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const logger = createLogger({ level: 'debug', format: 'text', clock: systemClock, write: print });

let failures = 0;
const startMs = performance.now();
for (let seed = Number(values.seed); seed < Number(values.seed) + Number(values.count); seed += 1) {
  const result = await simulate({
    seed,
    minutes: Number(values.minutes),
    nodes: Number(values.nodes),
    ...(values.trace ? { onLine: print } : {}),
    ...(values.log ? { logger } : {}),
  });
  if (result.complaints.length === 0) continue;
  failures += 1;
  print(
    `seed ${seed} failed after ${result.steps} steps; again: npm run sim -- --seed ${seed} --minutes ${values.minutes} --trace`,
  );
  for (const complaint of result.complaints) print(`  ${complaint}`);
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
print(`${values.count} seeds of ${values.minutes} minutes on ${values.nodes} boards, ${failures} failed, ${seconds} s`);
process.exitCode = failures === 0 ? 0 : 1;
