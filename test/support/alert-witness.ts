/**
 * Everything that tells of alerts, beside an API server in this process: a broker that stock clients connect to, the state topics,
 * a webhook; and whether an alert begins, and is over, in all three places. Events are the third.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { runProgram } from '../../cli/setup/run-program.ts';
import { createBroker } from '../../master/broker/broker.ts';
import { type AddressPoster, postJson } from '../../master/controllers/alerts/address-poster.ts';
import type { AlertName } from '../../master/controllers/alerts/alert.ts';
import { AlertController, type AlertSources } from '../../master/controllers/alerts/controller.ts';
import { Informers } from '../../master/controllers/informers.ts';
import { StateTopics } from '../../master/mqtt-state/state-topics.ts';
import { EventKind } from '../../shared/api/event.ts';
import type { Client } from '../../shared/client/client.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { waitFor } from './wait.ts';
import { type Posted, startWebhookServer } from './webhook-server.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** Generous: machines that test are busy. */
const PATIENCE_MS = 120_000;
const WAIT_SECONDS = '60';

const ALERTS = 'bramble/v1/state/alerts/#';

export interface About {
  kind: string;
  namespace?: string;
  name: string;
}

interface Told {
  id: string;
  status: string;
  alert: string;
  object: About;
  message: string;
  since: string;
}

/** What a body may say: nothing that a stranger may not hear. */
const MEMBERS = ['alert', 'id', 'message', 'object', 'since', 'status'];

export interface AlertWitness {
  /** For the controller of alerts. */
  sources: AlertSources;
  /** What the master's alerts say from now on is what is witnessed. */
  listen(alerts: AlertController): void;
  /** Resolves with the message, when it is told in all three places. */
  begins(alert: AlertName, about: About): Promise<string>;
  isOver(alert: AlertName, about: About): Promise<string>;
  /** Nothing is retained any more, and nothing was told twice. */
  isQuiet(): Promise<void>;
  /** Nobody listens at the webhook's address until what this returns is called. */
  leave(): Promise<() => Promise<void>>;
  /** Messages that the address did not take. */
  problems(): number;
  stop(): Promise<void>;
}

export async function startAlertWitness(client: Client, sources: Omit<AlertSources, 'webhook'>): Promise<AlertWitness> {
  const told: Told[] = [];
  const onPost = ({ headers, body }: Posted): void => {
    const message: Told = JSON.parse(body);
    assert.deepEqual(Object.keys(message).sort(), MEMBERS);
    assert.equal(headers['idempotency-key'], message.id);
    told.push(message);
  };
  let webhook = await startWebhookServer(onPost);
  const { url } = webhook;
  let problems = 0;
  const post: AddressPoster = (...args) =>
    postJson(...args).catch((error) => {
      problems += 1;
      throw error;
    });
  const broker = createBroker({
    ...{ host: '127.0.0.1', port: 0, tls: 'plain', logger: silentLogger },
    authenticate: async () => ({ name: 'house', uid: '', groups: ['system:masters'], extra: {} }),
  });
  const state = new StateTopics({ ...BASE, client, sessions: broker });
  const parts: Component[] = [broker, state];
  await startAll(parts);
  const stock = ['-h', '127.0.0.1', '-p', `${broker.port()}`, '-V', 'mqttv311', '-F', '%r %t %p'];
  // It makes the topics be kept, and hears what is taken away.
  const listener = spawn('mosquitto_sub', [...stock, '-t', ALERTS], { stdio: ['ignore', 'pipe', 'inherit'] });
  const heard = collectLines(listener);

  const topicOf = (alert: AlertName, { namespace, name }: About): string =>
    `${ALERTS.slice(0, -1)}${alert}/${namespace === undefined ? name : `${namespace}/${name}`}`;
  const events = async (alert: AlertName, about: About, type: string): Promise<string | undefined> => {
    const { items } = await client.list(EventKind);
    return items.find(
      ({ reason, involvedObject, ...event }) =>
        reason === `Alert${alert}` && involvedObject.name === about.name && event.type === type,
    )?.message;
  };
  const isTold =
    (alert: AlertName, { name }: About, status: string) =>
    (): Told | undefined =>
      told.find((one) => one.alert === alert && one.object.name === name && one.status === status);

  return {
    sources: { ...sources, webhook: { url, post } },
    listen: (alerts) => state.setAlerts(alerts),
    problems: () => problems,
    async leave() {
      await webhook.stop();
      return async () => {
        webhook = await startWebhookServer(onPost, Number(new URL(url).port));
      };
    },
    async begins(alert, about) {
      const { object, message } = await waitFor(`${alert} by webhook`, isTold(alert, about, 'firing'), PATIENCE_MS);
      assert.deepEqual(object, about);
      const text = await waitFor(`${alert} as event`, () => events(alert, about, 'Warning'), PATIENCE_MS);
      assert.equal(text, message);
      // For who comes later, too.
      const args = [...stock, '-C', '1', '-W', WAIT_SECONDS, '-t', topicOf(alert, about)];
      const { code, output } = await runProgram('mosquitto_sub', args, {});
      assert.equal(code, 0, output);
      assert.ok(output.startsWith(`1 ${topicOf(alert, about)} {`), output);
      const { since, ...retained } = JSON.parse(output.slice(output.indexOf('{')));
      assert.deepEqual(retained, { alert, ...about, message });
      assert.equal(typeof since, 'string');
      return message;
    },
    async isOver(alert, about) {
      const { message } = await waitFor(`${alert} over by webhook`, isTold(alert, about, 'resolved'), PATIENCE_MS);
      const text = await waitFor(`${alert} over as event`, () => events(alert, about, 'Normal'), PATIENCE_MS);
      assert.equal(text, `resolved: ${message}`);
      await waitFor(`${alert} taken away`, () => heard().includes(`0 ${topicOf(alert, about)} `), PATIENCE_MS);
      return message;
    },
    async isQuiet() {
      const { output } = await runProgram('mosquitto_sub', [...stock, '-W', '1', '-t', ALERTS], {});
      assert.doesNotMatch(output, /bramble/);
      assert.equal(new Set(told.map(({ id }) => id)).size, told.length);
    },
    async stop() {
      const ended = once(listener, 'exit');
      listener.kill();
      await ended;
      await stopAll(parts);
      await webhook.stop();
    },
  };
}

/** The controller of alerts alone, where a test has no others. */
export async function startAlerts(client: Client, witness: AlertWitness): Promise<Component> {
  const environment = { ...BASE, client };
  const informers = new Informers(environment);
  const alerts = new AlertController(environment, informers, witness.sources);
  witness.listen(alerts);
  const parts = [informers, alerts];
  await startAll(parts);
  return { start: async () => undefined, stop: () => stopAll(parts) };
}

function collectLines(child: ChildProcess): () => string[] {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text.split('\n');
}
