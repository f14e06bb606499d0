/** Who hears of a cluster's alerts on the master's own machine of the test LAN: stock MQTT clients, and a webhook that may be away. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ROOT } from '../kubectl.ts';
import { waitFor } from '../wait.ts';
import type { LanCluster } from './lan-cluster.ts';

const HOOK_PORT = 9_099;

/** Of the master; who knows the address may post there, so it is nobody else's business. */
export const HOOK_FLAGS = ['--alert-webhook', `http://127.0.0.1:${HOOK_PORT}/s3cret`];

const KUBECONFIG = '/var/lib/bramble/admin.kubeconfig';
const ALERTS = 'bramble/v1/state/alerts';
const TIMEOUT_MS = 90_000;
const WAIT_SECONDS = '60';

interface Told {
  id: string;
  status: string;
  alert: string;
  object: { name: string };
}

export interface LanHouse {
  openHook(): void;
  /** Each in all three places: as an event, as a retained message, by the webhook. */
  begins(alert: string, about: string): Promise<void>;
  isOver(alert: string, about: string): Promise<void>;
  /** Ids of what the webhook heard. */
  heardIds(): string[];
  end(): Promise<void>;
}

export async function openLanHouse(cluster: LanCluster): Promise<LanHouse> {
  const host = cluster.lan.host(1);
  const cli = [process.execPath, join(ROOT, 'cli/main.ts'), 'mqtt', 'user', 'add', 'house', '--json'];
  const output = await host.output(...cli, '--topic', 'read:bramble/v1/state/#', '--kubeconfig', KUBECONFIG);
  const { password } = JSON.parse(output.slice(output.indexOf('{')));
  const broker = ['-h', 'localhost', '-p', '8883', '--cafile', '/var/lib/bramble/pki/ca.crt', '-V', 'mqttv311'];
  const stock = ['mosquitto_sub', ...broker, '-u', 'house', '-P', password, '-F', '%r %t %p'];
  const listener = host.spawn([...stock, '-t', `${ALERTS}/#`]);
  const heard = collectLines(listener);
  let hook: ChildProcess | undefined;
  let posted: () => string[] = () => [];

  const told = (): Told[] => posted().map((line) => JSON.parse(line));
  const latest = (alert: string, about: string): string | undefined =>
    told().findLast((one) => one.alert === alert && one.object.name === about)?.status;
  /** Their types. */
  const events = async (alert: string): Promise<string> => {
    const selector = ['--field-selector', `reason=Alert${alert}`];
    return cluster.kubectl(['get', 'events', '-A', ...selector, '-o', 'jsonpath={.items[*].type}']);
  };
  return {
    openHook() {
      hook = host.spawn([process.execPath, join(ROOT, 'test/support/webhook-server.ts'), `${HOOK_PORT}`]);
      posted = collectLines(hook);
    },
    async begins(alert, about) {
      await waitFor(`${alert} as event`, async () => (await events(alert)).includes('Warning'), TIMEOUT_MS);
      const { code, stdout } = await host.run([
        ...stock,
        '-C',
        '1',
        '-W',
        WAIT_SECONDS,
        '-t',
        `${ALERTS}/${alert}/${about}`,
      ]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, new RegExp(`^1 ${ALERTS}/${alert}/${about} {"alert":"${alert}",`));
      await waitFor(`${alert} by webhook`, () => latest(alert, about) === 'firing', TIMEOUT_MS);
    },
    async isOver(alert, about) {
      await waitFor(`${alert} over by webhook`, () => latest(alert, about) === 'resolved', TIMEOUT_MS);
      await waitFor(`${alert} over as event`, async () => (await events(alert)).includes('Normal'), TIMEOUT_MS);
      const topic = `${ALERTS}/${alert}/${about} `;
      const last = (): string | undefined => heard().findLast((line) => line.slice(2).startsWith(topic));
      await waitFor(`${alert} taken away`, () => last() === `0 ${topic}`, TIMEOUT_MS);
    },
    heardIds: () => told().map(({ id }) => id),
    async end() {
      const ended = once(listener, 'exit');
      listener.kill();
      await ended;
      hook?.stdin?.end();
    },
  };
}

/** Whole ones. */
function collectLines(child: ChildProcess): () => string[] {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text.split('\n').slice(0, -1);
}
