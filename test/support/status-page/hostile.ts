/** A status page before an API that lets everything in: names and labels that no real API server would take. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPage } from '../../../cli/build-page.ts';
import { createStatusPage } from '../../../master/status-page/status-page.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { systemRandom } from '../../../shared/platform/random.ts';
import type { Handler } from '../../../shared/protocol/exchange.ts';

const TIME = '2026-11-22T10:00:00Z';

/** `name` is what the one pod, its board and its label are called. */
export async function startHostilePage(name: string): Promise<{ url: string; stop(): Promise<void> }> {
  const metadata = { name, namespace: 'default', uid: 'a', resourceVersion: '1', creationTimestamp: TIME };
  const items: Record<string, object> = {
    '/api/v1/pods': {
      metadata: { ...metadata, labels: { [name]: name } },
      spec: { nodeName: name, containers: [{ name, image: name }] },
      status: { phase: 'Running', message: name },
    },
    '/api/v1/nodes': { metadata: { ...metadata, namespace: undefined }, spec: {}, status: {} },
  };
  const handler: Handler = async ({ path, query, signal }) => {
    if (query['watch'] === undefined) {
      const item = items[path];
      const body = { metadata: { resourceVersion: '1' }, items: item === undefined ? [] : [item] };
      return { type: 'object', code: 200, body };
    }
    return { type: 'events', code: 200, events: silence(signal) };
  };
  const folder = await mkdtemp(join(tmpdir(), 'bramble-hostile-'));
  await buildPage(folder);
  const page = createStatusPage({
    ...{ handler, folder, clock: systemClock, random: systemRandom, logger: silentLogger },
    ...{ access: 'open', host: '127.0.0.1', port: 0, signIn: () => Promise.reject(new Error('nobody')) },
  });
  await page.start();
  return {
    url: `http://127.0.0.1:${page.port}/`,
    async stop() {
      await page.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function* silence(signal: AbortSignal): AsyncIterable<never> {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
