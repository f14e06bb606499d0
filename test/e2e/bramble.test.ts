/** The bramble command as people use it: up, the verbs over MQTT, Ctrl-C, down; and that nothing stays behind. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { isRunning, readRunning } from '../../cli/setup/processes.ts';
import { runProgram } from '../../cli/setup/run-program.ts';
import { ClusterFolder } from '../../cli/up/cluster-folder.ts';
import { findFreePorts } from '../support/cluster.ts';
import { startTestEngine, TEST_IMAGE, type TestEngine } from '../support/docker.ts';
import { ROOT } from '../support/kubectl.ts';
import { configMap, deployment, openHouse, service } from '../support/restored-house.ts';
import { startTerminal } from '../support/terminal.ts';
import { waitFor } from '../support/wait.ts';

const BRAMBLE = join(ROOT, 'cli/bramble');

/** `bramble get` must feel instant; this machine may be busy. */
const START_BOUND_MS = 1_500;

describe('bramble', { concurrency: false }, () => {
  let engine: TestEngine;
  let parent: string;
  let folder: ClusterFolder;
  let ports: string[];

  before(async () => {
    engine = await startTestEngine();
    parent = await mkdtemp(join(tmpdir(), 'bramble-cli-'));
    folder = new ClusterFolder(join(parent, 'cluster'));
    const [api = 0, mqtt = 0, status = 0, plain = 0] = await findFreePorts(4);
    ports = ['--api-port', `${api}`, '--mqtt-port', `${mqtt}`, '--status-port', `${status}`];
    ports.push('--mqtt-plain-port', `${plain}`);
  });
  after(async () => {
    await run('down');
    await rm(parent, { recursive: true, force: true });
    await engine?.stop();
  });

  /** With the cluster's folder; fails the test when the command fails. */
  async function bramble(...args: string[]): Promise<string> {
    const { code, output } = await run(...args);
    assert.equal(code, 0, `bramble ${args.join(' ')} ended with ${code}:\n${output}`);
    return output;
  }

  function run(...args: string[]) {
    return runProgram(BRAMBLE, [...args, '--data-dir', folder.path], { env: process.env });
  }

  async function containers(): Promise<string[]> {
    const lists = await Promise.all(
      [1, 2].map((index) => engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${folder.nodeName(index)}`)),
    );
    return lists.flatMap((text) => text.split('\n')).filter(Boolean);
  }

  test('up --detach: a cluster with an example', async () => {
    const output = await bramble('up', '--detach', '--nodes', '2', '--docker', engine.socketPath, ...ports);
    assert.match(output, /The cluster is ready\./);
    assert.match(output, new RegExp(`KUBECONFIG=${folder.kubeconfig}`));
    const nodes = await bramble('get', 'nodes');
    assert.match(nodes, new RegExp(`${folder.nodeName(1)} +Ready.*\n${folder.nodeName(2)} +Ready`));
    assert.match(await bramble('get', 'deploy/hello'), /hello +2\/2 +2 +2/);
    await waitFor('the example speaks', async () => /Hello from Bramble/.test(await bramble('logs', 'deploy/hello')));
  });

  test('up again: says that it runs', async () => {
    const startMs = performance.now();
    assert.match(await bramble('up'), /The cluster runs already\./);
    assert.ok(performance.now() - startMs < 10_000);
  });

  test('up again after an agent was killed: starts it', async () => {
    const record = await readRunning(folder.pidFile(folder.nodeName(2)));
    assert.ok(record !== undefined);
    process.kill(record.pid, 'SIGKILL');
    await bramble('up');
    assert.notEqual((await readRunning(folder.pidFile(folder.nodeName(2))))?.pid, record.pid);
  });

  test('up with other ports: refused while it runs', async () => {
    const { code, output } = await run('up', '--api-port', '7777');
    assert.equal(code, 64);
    assert.match(output, /runs already, with \d+ instead of 7777\n +→ /);
  });

  test('the status page', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      get(`http://127.0.0.1:${ports[5]}/`, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve(body));
      }).on('error', reject);
    });
    assert.match(text, /<title>Bramble<\/title>/);
  });

  test('a device without TLS', async () => {
    const { password } = JSON.parse(await bramble('mqtt', 'user', 'add', 'bell', '--json', '--topic', 'home/#'));
    const connect = (secret: string) =>
      connectAsync(`mqtt://127.0.0.1:${ports[7]}`, { username: 'bell', password: secret, reconnectPeriod: 0 });
    const bell = await connect(password);
    try {
      const heard = new Promise((resolve) => bell.once('message', (_topic, payload) => resolve(String(payload))));
      await bell.subscribeAsync('home/door');
      await bell.publishAsync('home/door', 'on', { qos: 1 });
      assert.equal(await heard, 'on');
    } finally {
      await bell.endAsync();
    }
    await assert.rejects(connect('a guess'), /Not authorized|Bad username or password/);
  });

  test('apply, get, scale, delete', async () => {
    const file = join(ROOT, 'examples/hello.yaml');
    const unchanged = await bramble('apply', '-f', file, '--dry-run');
    assert.match(unchanged, /^configmap\/hello unchanged \(dry run\)$/m);
    assert.equal(await bramble('scale', 'deploy/hello', '--replicas', '1'), 'deployment.apps/hello scaled\n');
    await waitFor('one pod is left', async () => (await bramble('get', 'pods', '-o', 'name')).split('\n').length === 2);
    const list = JSON.parse(await bramble('get', 'pods', '-l', 'app=hello', '-o', 'json')) as { items: unknown[] };
    assert.equal(list.items.length, 1);
    assert.match(await bramble('get', 'all', '-A'), /NAMESPACE +NAME/);
    assert.match(await bramble('get', 'cm/hello', '-o', 'yaml'), /Hello from Bramble/);
    assert.equal(await bramble('delete', 'deploy', 'hello'), 'deployment.apps/hello deleted\n');
    await waitFor('the containers are gone', async () => (await containers()).length === 0);
  });

  test('get -w shows changes as they come', async () => {
    const terminal = startTerminal(BRAMBLE, ['get', 'cm', '-w', '--data-dir', folder.path], process.env);
    try {
      await waitFor('the list', () => /hello/.test(terminal.text()));
      const manifest = join(parent, 'late.json');
      await writeFile(manifest, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } }));
      await bramble('apply', '-f', manifest);
      await waitFor('the change', () => /^late /m.test(terminal.text()));
    } finally {
      terminal.kill();
    }
  });

  test('cordon and uncordon', async () => {
    const name = folder.nodeName(1);
    assert.equal(await bramble('cordon', name), `node/${name} cordoned\n`);
    assert.match(await bramble('get', 'node', name), /Ready,SchedulingDisabled/);
    await bramble('uncordon', name);
    assert.doesNotMatch(await bramble('get', 'node', name), /SchedulingDisabled/);
  });

  test('version, kubeconfig, token, doctor', async () => {
    assert.match(await bramble('version'), /^bramble \d+\.\d+\.\d+.*\nmaster v1\.\d+/);
    assert.equal(await bramble('kubeconfig', '--path'), `${folder.kubeconfig}\n`);
    const token = JSON.parse(await bramble('token', 'create', '--json', '--ttl', '1h')) as { token: string };
    assert.match(token.token, /^bramble:[0-9a-f]{64}:[a-z0-9]{6}\.[a-z0-9]{16}$/);
    assert.match(await bramble('doctor', '--docker', engine.socketPath), /✓ Docker: /);
  });

  test('mistakes are sentences with a hint and a code', async () => {
    for (const [args, code, text] of [
      [['get', 'wombats'], 64, /no resource type "wombats"\n +→ it has: /],
      [['get', 'pod', 'nobody'], 1, /pods "nobody" not found/],
      [['get'], 64, /missing required argument/],
      [['gte'], 64, /unknown command 'gte'.*\(Did you mean get\?\)/s],
      [['apply', '-f', '/nowhere.yaml'], 66, /\/nowhere\.yaml cannot be read: ENOENT/],
      [['delete'], 64, /what is to be deleted\?\n +→ /],
      [['logs', 'nobody'], 1, /pods "nobody" not found/],
      [['scale', 'deploy/nobody', '--replicas', '-1'], 64, /whole number/],
    ] as const) {
      const { code: actual, output } =
        args[0] === 'gte' ? await runProgram(BRAMBLE, args, { env: process.env }) : await run(...args);
      assert.match(output, text);
      assert.equal(actual, code, output);
    }
    const { code, output } = await runProgram(BRAMBLE, ['get', 'pods', '--data-dir', join(parent, 'none')], {
      env: process.env,
    });
    assert.equal(code, 69);
    assert.match(output, /there is no cluster at .*\n +→ start one with: bramble up/);
  });

  test('a snapshot that is restored: objects, users and messages of then, pods run on, revisions only grow', async () => {
    const house = await openHouse(folder, `${ports[3]}`);
    const file = join(parent, 'copy.db');
    await house.addUser('lamp');
    await house.keep('home/lamp', 'on');
    for (const object of [deployment('steady'), service('kept'), configMap('then')]) await house.make(object);
    await waitFor('the pod runs', async () => (await house.pods('steady'))[0]?.isReady === true);
    const [steady] = await house.pods('steady');
    const kept = await house.service('kept');
    assert.match(await bramble('snapshot', 'save', file), /written to/);

    await house.keep('home/lamp', 'off');
    await house.drop('/api/v1/namespaces/default/services/kept');
    await house.drop('/api/v1/namespaces/default/configmaps/then');
    // What the copy does not know of holds the same address and port.
    const late = await house.make(service('late', kept));
    assert.equal(late.code, 201, JSON.stringify(late.body));
    await house.make(deployment('newcomer'));
    await waitFor('the newcomer runs', async () => (await house.pods('newcomer'))[0]?.isReady === true);
    const before = await house.revision();
    const agents = (await listRecords()).slice(1);
    const [master] = await listRecords();
    assert.ok(master !== undefined);
    process.kill(master.pid, 'SIGTERM');
    await waitFor('the master has ended', async () => !(await isRunning(master)));
    assert.match(await bramble('snapshot', 'restore', file), /the master takes it over when it starts/);
    await bramble('up', '--detach', '--no-example');

    assert.deepEqual((await listRecords()).slice(1), agents);
    await waitFor('the newcomer is ended', async () => (await containersOf('newcomer')) === '');
    await waitFor('the pod is ready', async () => (await house.pods('steady'))[0]?.isReady === true);
    assert.deepEqual(await house.pods('steady'), [steady]);
    assert.equal(await house.get('home/lamp'), 'on');
    assert.equal((await house.call('GET', '/api/v1/namespaces/default/configmaps/then')).code, 200);
    assert.equal((await house.call('GET', '/api/v1/namespaces/default/services/late')).code, 404);
    assert.deepEqual(await house.service('kept'), kept);
    const second = await house.make(service('second', { nodePort: kept.nodePort }));
    assert.match(`${second.code} ${second.body['message']}`, /^422 .*provided port is already allocated/);
    assert.notEqual((await house.make(service('third'))).code, 409);
    const third = await house.service('third');
    assert.ok(third.clusterIP !== kept.clusterIP && third.nodePort !== kept.nodePort);
    assert.ok((await house.revision()) > before + 1_000_000_000);
    for (const revision of [1, before, before + 5_000]) {
      const query = `watch=true&timeoutSeconds=5&resourceVersion=${revision}`;
      const { body } = await house.call('GET', `/api/v1/namespaces/default/pods?${query}`);
      assert.match(JSON.stringify(body), /"code":410/, `a watch from ${revision}`);
    }
    await house.drop('/apis/apps/v1/namespaces/default/deployments/steady');
    await waitFor('the containers are gone', async () => (await containers()).length === 0);
  });

  test('it starts quickly', async () => {
    const startMs = performance.now();
    await bramble('get', 'ns');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < START_BOUND_MS, `${tookMs} ms`);
  });

  test('down leaves nothing behind, twice', async () => {
    const records = await listRecords();
    assert.equal(records.length, 3);
    await bramble('down');
    await assert.rejects(readdir(folder.path));
    for (const record of records) assert.equal(await isRunning(record), false);
    assert.deepEqual(await containers(), []);
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(folder.path));
    assert.match(await bramble('down'), /There is no cluster/);
  });

  test('in the foreground: Ctrl-C ends it and keeps its data', async () => {
    const args = ['up', '--no-example', '--data-dir', folder.path, '--docker', engine.socketPath, ...ports];
    const terminal = startTerminal(BRAMBLE, args, process.env);
    await waitFor('the cluster is ready', () => terminal.text().includes('Press Ctrl-C'), 90_000);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one' }, spec: { containers: [container] } };
    await writeFile(join(parent, 'pod.json'), JSON.stringify(pod));
    await bramble('apply', '-f', join(parent, 'pod.json'));
    await waitFor('a pod runs', async () => (await bramble('get', 'pods')).includes('Running'));
    const records = await listRecords();
    terminal.write('\u0003');
    assert.equal(await terminal.ended, 130);
    for (const record of records) assert.equal(await isRunning(record), false);
    assert.deepEqual(await containers(), []);
    assert.match(await readFile(folder.kubeconfig, 'utf8'), /current-context/);
  });

  test('up goes on where it was', async () => {
    await bramble('up', '--detach', '--no-example');
    await waitFor('the pod is back', async () => (await bramble('get', 'pods')).includes('Running'));
    await bramble('down');
  });

  function containersOf(name: string): Promise<string> {
    return engine.docker('ps', '-q', '--filter', `name=${name}`);
  }

  const container = { name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000'] };

  async function listRecords() {
    const programs = ['master', folder.nodeName(1), folder.nodeName(2)];
    const records = await Promise.all(programs.map((name) => readRunning(folder.pidFile(name))));
    return records.filter((record) => record !== undefined);
  }
});
