/**
 * One size of the scheduler's bench in a process of its own, so that its memory is that of one master: store on disk, API
 * server, scheduler. Boards and pods are there before the clock starts; it stops when the last bind has been answered.
 * The last line on stdout is `RESULT` and a JSON object.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApiServer } from '../../../master/apiserver/api-server.ts';
import { componentUser } from '../../../master/apiserver/user-info.ts';
import { Scheduler } from '../../../master/scheduler/scheduler.ts';
import { openSqliteStore } from '../../../master/store/sqlite-store.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import type { Client } from '../../../shared/client/client.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { VERSION } from '../../conformance/api-fixture.ts';
import { readCpuMs, readMemory } from '../support/proc.ts';
import { percentile } from '../support/statistics.ts';
import { createBoards, createPods, type PodFlavour } from './cluster.ts';

const MEGABYTE = 1024 * 1024;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100' },
    pods: { type: 'string', default: '1000' },
    flavour: { type: 'string', default: 'plain' },
    directory: { type: 'string', default: '.' },
  },
});
const size = { nodes: Number(values.nodes), pods: Number(values.pods) };

const clock = systemClock;
const random = seededRandom(1);
const logger = silentLogger;
const store = await openSqliteStore({
  path: join(values.directory, 'store.db'),
  clock,
  logger,
  schedule: (task) => void setImmediate(task),
});
const server = createApiServer({ store, kinds: ALL_KINDS, clock, random, logger, version: VERSION });
await server.start();
const clientOf = (user: string): Client => createClient((request) => server.handle(request, componentUser(user)));
const admin = clientOf('admin');
await createBoards(admin, size.nodes);
await createPods(admin, size.pods, flavourOf(values.flavour));

const decisionMs: number[] = [];
const { client, allBound } = countBinds(clientOf('system:kube-scheduler'), size.pods);
const scheduler = new Scheduler({
  ...{ client, clock, random, logger },
  onDecision: (durationMs) => void decisionMs.push(durationMs),
});
const [startMs, startCpuMs] = [clock.monotonicMs(), await readCpuMs(process.pid)];
await scheduler.start();
await allBound;
const durationMs = clock.monotonicMs() - startMs;
const cpuMs = (await readCpuMs(process.pid)) - startCpuMs;
const { rssBytes } = await readMemory(process.pid);
const result = {
  podsPerSecond: (size.pods / durationMs) * 1000,
  decisionP50Ms: percentile(decisionMs, 50),
  decisionP99Ms: percentile(decisionMs, 99),
  cpuMicrosPerPod: (cpuMs / size.pods) * 1000,
  rssMb: rssBytes / MEGABYTE,
};
process.stdout.write(`RESULT ${JSON.stringify(result)}\n`);
await scheduler.stop();
await server.stop();
await store.close();

function flavourOf(text: string): PodFlavour {
  if (text === 'plain' || text === 'spread' || text === 'anti-affinity') return text;
  throw new Error(`there is no flavour ${text}`);
}

/** The same client; it says when so many binds have been answered. */
function countBinds(client: Client, count: number): { client: Client; allBound: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bound = 0;
  const post: Client['post'] = async (kind, key, subresource, body) => {
    const answer = await client.post(kind, key, subresource, body);
    if (subresource === 'binding') bound += 1;
    if (bound === count) resolve();
    return answer;
  };
  process.once('SIGTERM', () => reject(new Error(`ended after ${bound} of ${count} binds`)));
  return { client: { ...client, post }, allBound: promise };
}
