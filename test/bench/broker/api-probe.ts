/** Asks the API over HTTPS, one request after the other, reads and writes by turns, and measures how long each takes. */
import { Agent, request } from 'node:https';
import { loadProfile } from '../../../cli/api/kubeconfig.ts';
import { sleep } from '../../../shared/platform/clock.ts';
import { createTestContext } from '../../support/cluster.ts';
import type { BenchContext } from '../bench.ts';

export interface ApiProbe {
  /** Milliseconds of each request that was made in that time. */
  during(durationMs: number): Promise<number[]>;
}

const PAUSE_MS = 10;
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

export async function startApiProbe({ clock, signal }: BenchContext, kubeconfig: string): Promise<ApiProbe> {
  const { server, caCertificate, clientCertificate, clientKey } = await loadProfile(createTestContext(), {
    kubeconfig,
  });
  const agent = new Agent({ keepAlive: true, ca: caCertificate, cert: clientCertificate, key: clientKey });
  const ask = (method: string, path: string, body?: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const asked = request(new URL(path, server), { agent, method, headers }, (response) => {
        response.resume().once('end', resolve).once('error', reject);
      });
      asked.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  let count = 0;
  return {
    async during(durationMs) {
      const waits: number[] = [];
      const endMs = clock.monotonicMs() + durationMs;
      while (clock.monotonicMs() < endMs) {
        count += 1;
        const startMs = clock.monotonicMs();
        if (count % 2 === 0) await ask('GET', '/api/v1/nodes');
        else
          await ask('POST', CONFIG_MAPS, {
            kind: 'ConfigMap',
            metadata: { name: `probe-${count}` },
            data: { count: `${count}` },
          });
        waits.push(clock.monotonicMs() - startMs);
        await sleep(clock, PAUSE_MS, signal);
      }
      return waits;
    },
  };
}
