/**
 * The open MQTT contract (docs/mqtt.md) as others see it: stock mosquitto clients against a real master, with the house's own
 * users, state topics, commands, Home Assistant's discovery, sessions over a restart, WebSockets, and mosquitto as the peer of
 * a bridge.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { runProgram } from '../../cli/setup/run-program.ts';
import { findFreePorts } from '../support/cluster.ts';
import { checkDiscovery } from '../support/home-assistant-schema.ts';
import { ROOT } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

/** Longest that a stock client waits for messages. */
const WAIT_SECONDS = '30';

describe('the open MQTT contract', { concurrency: false }, () => {
  let folder: string;
  let master: ChildProcess | undefined;
  /** Of the present master. */
  let log = '';
  let mosquitto: ChildProcess | undefined;
  let port = 0;
  let apiPort = 0;
  let websocketPort = 0;
  let plainPort = 0;
  let peerPort = 0;
  const passwords: Record<string, string> = {};

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-mqtt-'));
    [port = 0, apiPort = 0, websocketPort = 0, peerPort = 0, plainPort = 0] = await findFreePorts(5);
    await startMaster();
  });
  after(async () => {
    if (mosquitto?.kill()) await once(mosquitto, 'exit');
    try {
      await endMaster();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  async function startMaster(): Promise<void> {
    const flags = ['--data-dir', folder, '--listen', '127.0.0.1', '--mqtt-port', `${port}`, '--api-port', `${apiPort}`];
    const quiet = ['--status-access', 'off', '--mdns', 'off', '--image-lookup', 'off'];
    const more = ['--mqtt-ws-port', `${websocketPort}`, '--mqtt-plain-port', `${plainPort}`];
    const args = [join(ROOT, 'master/main.ts'), ...flags, ...quiet, ...more];
    master = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    log = '';
    master.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    await waitFor('the master', () => log.includes('master is ready'), 60_000).catch((error) => {
      throw new Error(`the master did not start:\n${log.slice(-4_000)}`, { cause: error });
    });
    await cp(join(folder, 'pki/ca.crt'), join(folder, 'ca.pem'));
  }

  /** It must still run, and come to its proper end: whatever it confirmed is in its files then. */
  async function endMaster(): Promise<void> {
    if (master === undefined) return;
    const ended = once(master, 'close');
    assert(master.kill('SIGTERM'), `the master had ended before:\n${log.slice(-4_000)}`);
    const [code] = await ended;
    master = undefined;
    assert.equal(code, 0, `the master did not end well:\n${log.slice(-4_000)}`);
  }

  async function bramble(...args: string[]): Promise<{ code: number; output: string }> {
    const env = { ...process.env, BRAMBLE_KUBECONFIG: join(folder, 'admin.kubeconfig') };
    return runProgram(join(ROOT, 'cli/bramble'), args, { env });
  }

  async function addUser(name: string, ...args: string[]): Promise<void> {
    const { code, output } = await bramble('mqtt', 'user', 'add', name, '--json', ...args);
    assert.equal(code, 0, output);
    const { password } = JSON.parse(output.slice(output.indexOf('{')));
    passwords[name] = password;
  }

  /** What a stock client is told of broker and user. */
  function who(user: string, clientId?: string): string[] {
    return [...overTls(), '-u', user, '-P', passwords[user] ?? '', ...(clientId === undefined ? [] : ['-i', clientId])];
  }

  function overTls(at = port): string[] {
    return ['-h', 'localhost', '-p', `${at}`, '--cafile', join(folder, 'ca.pem'), '-V', 'mqttv311'];
  }

  async function publish(user: string, topic: string, message: string, ...more: string[]): Promise<number> {
    return (await runProgram('mosquitto_pub', [...who(user), '-t', topic, '-m', message, ...more], {})).code;
  }

  /** `topic payload` of the next messages; rejects when they do not come. */
  async function subscribe(user: string, filters: string[], count: number, ...more: string[]): Promise<string[]> {
    const topics = filters.flatMap((filter) => ['-t', filter]);
    const args = [...who(user), '-v', '-C', `${count}`, '-W', WAIT_SECONDS, ...topics, ...more];
    const { code, output } = await runProgram('mosquitto_sub', args, {});
    assert.equal(code, 0, output);
    return output.trim().split('\n');
  }

  async function call(
    user: string,
    request: object,
  ): Promise<{ code: number; body: { message?: string; items?: [] } }> {
    const me = `rr-${user}`;
    const topics = ['-t', `bramble/v1/api/${me}/request`, '-e', `bramble/v1/api/${me}/response`];
    const args = [...who(user, me), ...topics, '-W', WAIT_SECONDS, '-m', JSON.stringify({ id: '1', ...request })];
    const { output } = await runProgram('mosquitto_rr', args, {});
    return JSON.parse(output);
  }

  async function apply(...objects: object[]): Promise<void> {
    const file = join(folder, 'objects.yaml');
    await writeFile(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    const { code, output } = await bramble('apply', '-f', file);
    assert.equal(code, 0, output);
  }

  /** A board that nobody has heard of for a while: what the master would find by itself after some seconds. */
  const node = (celsius: number) => [
    {
      ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'pi-1', annotations: { 'bramble.dev/model': 'Pi 5' } } },
      status: { capacity: { cpu: '4', memory: '1Gi' }, conditions: [{ type: 'Ready', status: 'Unknown' }] },
    },
    {
      ...{ apiVersion: 'bramble.dev/v1', kind: 'NodeSensors', metadata: { name: 'pi-1' }, temperatureCelsius: celsius },
      ...{ usage: { cpu: '1', memory: '512Mi' }, diskTotalBytes: 1000, diskAvailableBytes: 400, throttled: true },
    },
  ];
  const web = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] },
      },
    },
  };

  test('users: added, listed, given another password, with errors that say what to do', async () => {
    await addUser('lamp', '--topic', 'home/#');
    await addUser('nobody');
    const topics = ['read:bramble/v1/state/#', 'read:bramble/v1/events/#', 'write:bramble/v1/command/#'];
    await addUser('house', '--topic', 'read:homeassistant/#', ...topics, '--rights', 'operate');
    assert.match((await bramble('mqtt', 'user', 'list')).output, /^lamp +none +home\/#$/m);
    assert.match((await bramble('mqtt', 'user', 'add', 'lamp')).output, /the user lamp exists already/);
    assert.match((await bramble('mqtt', 'user', 'add', 'Lamp')).output, /cannot be a user/);
    assert.match((await bramble('mqtt', 'user', 'add', 'x', '--topic', 'a/b#')).output, /no topic filter/);
    assert.match((await bramble('mqtt', 'user', 'passwd', 'ghost')).output, /there is no user ghost/);
    const before = passwords['lamp'];
    const { output } = await bramble('mqtt', 'user', 'passwd', 'lamp', '--json');
    passwords['lamp'] = JSON.parse(output.slice(output.indexOf('{'))).password;
    assert.notEqual(before, passwords['lamp']);
    const old = [...who('lamp').slice(0, -1), before ?? '', '-t', 'home/x', '-m', '1'];
    assert.match((await runProgram('mosquitto_pub', old, {})).output, /bad user name or password/i);
  });

  test('a client without rights is refused everything, by name', async () => {
    const filters = ['#', 'home/x', 'bramble/v1/state/#', 'bramble/v1/api/rr-house/response', '$SYS/#'];
    for (const filter of filters) {
      const args = [...who('nobody'), '-t', filter, '-W', '5'];
      assert.match((await runProgram('mosquitto_sub', args, {})).output, /denied/i, filter);
    }
    const overheard: string[] = [];
    const listener = await connectAs('lamp', 'listener');
    listener.on('message', (topic) => overheard.push(topic));
    await listener.subscribeAsync('home/#');
    for (const topic of ['home/x', 'bramble/v1/command/nodes/pi-1/cordon', 'bramble/v1/api/listener/request']) {
      await publish('nobody', topic, '1', '-q', '1');
    }
    const { code, body } = await call('nobody', { method: 'GET', path: '/api/v1/secrets' });
    assert.equal(code, 403);
    assert.match(body.message ?? '', /User "mqtt:nobody" cannot list resource "secrets"/);
    // Of what a client may not retain nothing is there: no request, no answer, no state of its own making.
    await publish('lamp', 'bramble/v1/api/rr-lamp/request', '{"id":"9","method":"GET","path":"/api"}', '-r');
    await listener.publishAsync('home/end', 'x', { qos: 1 });
    await waitFor('the last message', () => overheard.includes('home/end'));
    assert.deepEqual(overheard, ['home/end']);
    await listener.endAsync();
  });

  test('commands by the envelope: as many as the rights allow', async () => {
    assert.equal((await call('house', { method: 'GET', path: '/api/v1/nodes' })).code, 200);
    const secrets = await call('house', { method: 'GET', path: '/api/v1/namespaces/kube-system/secrets' });
    assert.match(secrets.body.message ?? '', /"mqtt:house" cannot list resource "secrets"/);
  });

  test('state topics are retained, hold still while readings tremble, and go with their objects', async () => {
    const first = subscribe('house', ['bramble/v1/state/nodes/pi-1'], 1);
    await apply(...node(50.1), web);
    await first;
    const seen: string[] = [];
    const listener = await connectAs('house', 'state');
    listener.on('message', (topic, payload, { retain }) => seen.push(`${topic} ${retain ? 'r ' : ''}${payload}`));
    await listener.subscribeAsync(['bramble/v1/state/#', 'bramble/v1/events/#']);
    await waitFor('the deployment', () =>
      seen.some((line) => line.startsWith('bramble/v1/state/deployments/default/web')),
    );
    const state = await waitFor('readings', () => seen.find((line) => line.includes('"temperatureCelsius":50')));
    assert.match(state, /"name":"pi-1","online":(true|false),"cordoned":false,"pods":0,"throttled":true/);
    assert.match(state, /"cpuPercent":25,"memoryPercent":50,"diskPercent":60/);
    await waitFor('the alert', () => seen.some((line) => line.startsWith('bramble/v1/state/alerts/BoardLost/pi-1')));
    await apply(...node(50.4));
    await apply(...node(57));
    await waitFor('a real change', () => seen.some((line) => line.includes('"temperatureCelsius":57')));
    assert(!seen.some((line) => line.includes('50.4') || line.includes('50.5')), seen.join('\n'));
    assert.equal((await bramble('delete', 'deploy/web')).code, 0);
    await waitFor('the topic to be cleared', () => seen.includes('bramble/v1/state/deployments/default/web '));
    await apply({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e1', namespace: 'default' }, type: 'Warning' },
      ...{ reason: 'Tested', message: 'by a test', involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' } },
    });
    const event = await waitFor('the event', () => seen.find((line) => line.includes('"reason":"Tested"')));
    assert.match(event, /^bramble\/v1\/events\/default \{"type":"Warning"/);
    await listener.endAsync();
  });

  test('Home Assistant finds boards and deployments, and its switch and buttons work with the rights of its user', async () => {
    await apply(...node(57), web);
    const topics = [
      'homeassistant/device/bramble_node_pi-1/config',
      'homeassistant/device/bramble_deployment_default_web/config',
    ];
    for (const line of await subscribe('house', topics, 2))
      checkDiscovery(JSON.parse(line.slice(line.indexOf(' ') + 1)));
    const cordon = ['-t', 'bramble/v1/command/nodes/pi-1/cordon', '-e', 'bramble/v1/api/ha/response'];
    const run = async (message: string) =>
      JSON.parse(
        (await runProgram('mosquitto_rr', [...who('house', 'ha'), ...cordon, '-m', message, '-W', '30'], {})).output,
      );
    assert.equal((await run('ON')).code, 200);
    assert.equal(
      (await subscribe('house', ['bramble/v1/state/nodes/pi-1'], 2)).some((line) => line.includes('"cordoned":true')),
      true,
    );
    assert.match((await run('MAYBE')).body.message, /must be ON or OFF/);
    assert.equal((await run('OFF')).code, 200);
    assert.equal(await publish('house', 'bramble/v1/command/deployments/default/web/restart', 'PRESS', '-q', '1'), 0);
    await waitFor('the restart', async () =>
      (await bramble('get', 'deploy/web', '-o', 'yaml')).output.includes('kubectl.kubernetes.io/restartedAt'),
    );
  });

  test('the broker serves the house: QoS 0 to 2, retained messages and sessions over a restart, WebSockets', async () => {
    for (const qos of ['0', '1', '2']) {
      const heard = subscribe('lamp', [`home/qos/${qos}`], 1, '-q', qos);
      await waitFor(`QoS ${qos}`, async () => {
        await publish('lamp', `home/qos/${qos}`, `q${qos}`, '-q', qos);
        return Promise.race([heard, undefined]);
      });
      assert.deepEqual(await heard, [`home/qos/${qos} q${qos}`]);
    }
    const sleeper = await connectAs('lamp', 'sleeper', { clean: false });
    await sleeper.subscribeAsync('home/bell', { qos: 1 });
    await sleeper.endAsync();
    for (const qos of ['1', '2']) assert.equal(await publish('lamp', 'home/bell', `ring ${qos}`, '-q', qos), 0);
    assert.equal(await publish('lamp', 'home/kept', 'still here', '-r', '-q', '1'), 0);
    await endMaster();
    await startMaster();
    assert.deepEqual(await subscribe('lamp', ['home/kept'], 1), ['home/kept still here']);
    const heard: string[] = [];
    const woken = await connectAs('lamp', 'sleeper', { clean: false }, (topic, payload) =>
      heard.push(`${topic} ${payload}`),
    );
    await waitFor('what waited', () => heard.length === 2);
    assert.deepEqual(heard, ['home/bell ring 1', 'home/bell ring 2']);
    await woken.endAsync();
    // Nobody else gets at a session that waits.
    await assert.rejects(connectAs('house', 'sleeper'), /Identifier rejected/i);
    const ca = await readFile(join(folder, 'ca.pem'));
    const browser = await mqtt.connectAsync(`wss://localhost:${websocketPort}/mqtt`, {
      ...{ ca, username: 'lamp', password: passwords['lamp'] ?? '', reconnectPeriod: 0, protocolVersion: 4 },
    });
    const message = new Promise<string>((resolve) =>
      browser.once('message', (_topic, payload) => resolve(`${payload}`)),
    );
    await browser.subscribeAsync('home/kept');
    assert.equal(await message, 'still here');
    await browser.endAsync();
  });

  test("without TLS: people's own users as over TLS, and nobody else", async () => {
    const at = ['-h', '127.0.0.1', '-p', `${plainPort}`, '-V', 'mqttv311'];
    const as = (user: string, password = passwords[user] ?? '') => [...at, '-u', user, '-P', password];
    const run = async (program: string, ...args: string[]) => runProgram(program, args, {});
    const publishPlain = (...args: string[]) => run('mosquitto_pub', ...args, '-m', 'on', '-q', '1');
    // The same topics as by TLS, both ways, and no more.
    const heard = run('mosquitto_sub', ...as('lamp'), '-t', 'home/plain/#', '-v', '-C', '1', '-W', WAIT_SECONDS);
    await waitFor('the message by TLS', async () => {
      await publish('lamp', 'home/plain/relay', 'off', '-q', '1');
      return Promise.race([heard, undefined]);
    });
    assert.equal((await heard).output.trim(), 'home/plain/relay off');
    assert.equal((await publishPlain(...as('lamp'), '-t', 'home/plain/kept', '-r')).code, 0);
    assert.deepEqual(await subscribe('lamp', ['home/plain/kept'], 1), ['home/plain/kept on']);
    const denied = await run('mosquitto_sub', ...as('nobody'), '-t', 'home/#', '-W', '5');
    assert.match(denied.output, /denied/i);
    // Tokens, certificates and who shows nothing: by TLS they are what they are, here they are nobody.
    const account = await bramble('token', 'create', '--json');
    const join = String(JSON.parse(account.output.slice(account.output.indexOf('{'))).token).split(':')[2] ?? '';
    assert.match(join, /^\w{6}\.\w{16}$/);
    const bootstrap = await run('mosquitto_pub', ...overTls(), '-u', 'bootstrap', '-P', join, '-t', 'x', '-m', '1');
    assert.doesNotMatch(bootstrap.output, /bad user name|not authorised/i);
    for (const shown of [as('bootstrap', join), as('token', join), as('admin', join)]) {
      assert.match((await publishPlain(...shown, '-t', 'home/x')).output, /bad user name or password/i);
    }
    assert.match((await publishPlain(...at, '-t', 'home/x')).output, /not authorised/i);
    assert.match((await publishPlain(...as('lamp', 'wrong'), '-t', 'home/x')).output, /bad user name or password/i);
    // A client that speaks TLS to it does not get in either.
    const mistaken = [...overTls(plainPort), ...['-u', 'lamp', '-P', passwords['lamp'] ?? ''], '-t', 'home/x'];
    assert.notEqual((await publishPlain(...mistaken)).code, 0);
  });

  test('a bridge to mosquitto: in, out, retained messages too, and nothing goes round', async () => {
    const file = join(folder, 'mosquitto.conf');
    await writeFile(file, `listener ${peerPort} 127.0.0.1\nallow_anonymous true\n`);
    mosquitto = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
    const peer = await waitFor('mosquitto', () =>
      mqtt.connectAsync(`mqtt://127.0.0.1:${peerPort}`, { reconnectPeriod: 0, connectTimeout: 1_000 }),
    );
    const there: string[] = [];
    peer.on('message', (topic, payload, { retain }) => there.push(`${topic} ${payload}${retain ? ' retained' : ''}`));
    await peer.publishAsync('home/attic/light', 'on', { qos: 1, retain: true });
    await peer.subscribeAsync('#', { qos: 1 });
    const url = `mqtt://127.0.0.1:${peerPort}`;
    assert.match((await bramble('mqtt', 'bridge', 'add', 'attic', '--url', 'what', '--in', '#')).output, /no broker/);
    const added = await bramble('mqtt', 'bridge', 'add', 'attic', '--url', url, '--in', 'home/#', '--out', 'home/#');
    assert.equal(added.code, 0, added.output);
    assert.match((await bramble('mqtt', 'bridge', 'list')).output, /attic +mqtt:/);
    assert.deepEqual(await subscribe('lamp', ['home/attic/light'], 1), ['home/attic/light on']);
    await waitFor('what is retained here, there', () => there.includes('home/kept still here'));
    const here: string[] = [];
    const listener = await connectAs('lamp', 'bridged');
    listener.on('message', (topic, payload) => here.push(`${topic} ${payload}`));
    await listener.subscribeAsync('home/ping/#', { qos: 1 });
    await peer.publishAsync('home/ping/there', '1', { qos: 1 });
    await listener.publishAsync('home/ping/here', '2', { qos: 1 });
    await peer.publishAsync('home/ping/end', '3', { qos: 1 });
    await waitFor('the messages here', () => here.includes('home/ping/end 3'));
    await waitFor('the messages there', () => there.includes('home/ping/here 2'));
    assert.deepEqual(here.toSorted(), ['home/ping/end 3', 'home/ping/here 2', 'home/ping/there 1']);
    const pings = there.filter((line) => line.startsWith('home/ping/'));
    assert.deepEqual(pings.toSorted(), ['home/ping/end 3', 'home/ping/here 2', 'home/ping/there 1']);
    await Promise.all([listener.endAsync(), peer.endAsync()]);
    assert.equal((await bramble('mqtt', 'bridge', 'remove', 'attic')).code, 0);
  });

  test('a user that is removed is out at once', async () => {
    const client = await connectAs('lamp', 'last');
    const closed = new Promise<void>((resolve) => client.once('close', resolve));
    assert.match((await bramble('mqtt', 'user', 'remove', 'lamp')).output, /lamp removed/);
    await closed;
    await assert.rejects(connectAs('lamp', 'last'), /Bad username or password|Not authorized/i);
  });

  async function connectAs(
    user: string,
    clientId: string,
    options: { clean?: boolean } = {},
    onMessage?: (topic: string, payload: Buffer) => void,
  ) {
    const client = mqtt.connect(`mqtts://localhost:${port}`, {
      ...{ ca: await readFile(join(folder, 'ca.pem')), clientId, username: user, password: passwords[user] ?? '' },
      ...{ reconnectPeriod: 0, protocolVersion: 4, manualConnect: true, ...options },
    });
    if (onMessage !== undefined) client.on('message', onMessage);
    client.connect();
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
    });
    return client;
  }
});
