/** What people get wrong: each mistake is answered with a sentence that says what is wrong and what to do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram } from '../../cli/setup/run-program.ts';
import { findFreePorts, startTestCluster, type TestCluster } from '../support/cluster.ts';
import { createKubectl, ROOT } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

/** A program that does not end by itself within this time is ended; what it printed counts. */
const PROGRAM_TIMEOUT_MS = 15_000;

interface Outcome {
  code: number;
  output: string;
}

describe('bad input', { concurrency: false }, () => {
  let cluster: TestCluster;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-bad-'));
    cluster = await startTestCluster();
  });
  after(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const apply = (manifest: string): Promise<{ code: number; stdout: string; stderr: string }> =>
    cluster.kubectl.run(['apply', '-f', '-'], { stdin: manifest });

  test('unknown field, strict validation', async () => {
    const { code, stderr } = await apply(pod({ name: 'a', extra: 'imagge: x' }));
    assert.notEqual(code, 0);
    assert.match(stderr, /unknown field "spec\.containers\[0\]\.imagge"/);
  });

  test('wrong type', async () => {
    const { code, stderr } = await apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {count: [1]}\n');
    assert.notEqual(code, 0);
    assert.match(stderr, /data/);
  });

  test('a name that cannot be', async () => {
    const { code, stderr } = await apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n');
    assert.notEqual(code, 0);
    assert.match(stderr, /metadata\.name: Invalid value: "Not_A_Name".*lower-case/s);
  });

  test('a required field is missing', async () => {
    const { stderr } = await apply('apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c}]}\n');
    assert.match(stderr, /spec\.containers\[0\]\.image: Required value/);
  });

  test('name taken', async () => {
    await cluster.kubectl.output(['create', 'configmap', 'taken']);
    const { code, stderr } = await cluster.kubectl.run(['create', 'configmap', 'taken']);
    assert.equal(code, 1);
    assert.match(stderr, /configmaps "taken" already exists/);
  });

  test('stale resourceVersion', async () => {
    const object = JSON.parse(await cluster.kubectl.output(['get', 'configmap', 'taken', '-o', 'json'])) as object;
    await cluster.kubectl.output(['label', 'configmap', 'taken', 'a=b']);
    const { code, stderr } = await cluster.kubectl.run(['replace', '-f', '-'], { stdin: JSON.stringify(object) });
    assert.equal(code, 1);
    assert.match(stderr, /the object has been modified; please apply your changes to the latest version/);
  });

  test('a namespace that is not there, a kind that is not there', async () => {
    const missing = await cluster.kubectl.run(['create', 'configmap', 'a', '-n', 'nowhere']);
    assert.match(missing.stderr, /namespaces "nowhere" not found/);
    const unknown = await cluster.kubectl.run(['get', 'wombats']);
    assert.match(unknown.stderr, /doesn't have a resource type "wombats"/);
  });

  test('join token: not one', async () => {
    const { code, output } = await joinWith('hello');
    assert.notEqual(code, 0);
    assert.match(output, /no join token.*bramble token create/s);
  });

  test('join token: wrong secret', async () => {
    const token = (await createToken()).replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    assert.match((await joinWith(token)).output, /token.*bramble token create/s);
  });

  test('join token: expired', async () => {
    const token = await createToken('--ttl', '0s');
    assert.match((await joinWith(token)).output, /token.*bramble token create/s);
  });

  test('join token: of another cluster', async () => {
    const token = (await createToken()).replace(/:[0-9a-f]{64}:/, `:${'0'.repeat(64)}:`);
    assert.match((await joinWith(token)).output, /another cluster/);
  });

  test('Docker is not running', async () => {
    // The agent goes on and waits for the engine.
    const said = /docker.*nothing\.sock.*(is it running|does not answer|start)/is;
    const { output } = await agent(await createToken(), ['--docker', join(folder, 'nothing.sock')], said);
    assert.match(output, said);
  });

  test('bramble up: Docker is not running', async () => {
    const { code, output } = await bramble(
      'up',
      '--docker',
      join(folder, 'nothing.sock'),
      '--data-dir',
      join(folder, 'a'),
    );
    assert.equal(code, 69);
    assert.match(output, /Docker does not answer at .*nothing\.sock\n +→ /);
  });

  test('port in use', async () => {
    const [port = 0] = await findFreePorts(1);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      const args = ['--data-dir', join(folder, 'b'), '--docker', cluster.engine.socketPath];
      const up = await bramble('up', ...args, ...(await otherPorts()), '--api-port', `${port}`);
      assert.equal(up.code, 69);
      assert.match(up.output, new RegExp(`port ${port} is in use\\n +→ .*--api-port`));
      const alone = await master(join(folder, 'c'), [...(await otherPorts()), '--api-port', `${port}`]);
      assert.notEqual(alone.code, 0);
      assert.match(alone.output, new RegExp(`${port}.*--api-port`, 's'));
    } finally {
      server.close();
    }
  });

  test('data directory that cannot be written', async () => {
    // Even root cannot make a folder below a file.
    const up = await bramble('up', '--data-dir', '/dev/null/cluster');
    assert.equal(up.code, 73);
    assert.match(up.output, /the folder \/dev\/null\/cluster cannot be written.*--data-dir/s);
    const alone = await master('/dev/null/cluster', await otherPorts());
    assert.notEqual(alone.code, 0);
    assert.match(alone.output, /\/dev\/null\/cluster.*(--data-dir|check the folder and its rights)/s);
  });

  test('full disk', { skip: process.getuid?.() !== 0 && 'needs root to mount a small file system' }, async () => {
    const path = join(folder, 'full');
    await mkdir(path);
    const mount = await runProgram('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', path], { env: process.env });
    assert.equal(mount.code, 0, mount.output);
    const [apiPort = 0, mqttPort = 0, statusPort = 0] = await findFreePorts(3);
    const ports = ['--api-port', `${apiPort}`, '--mqtt-port', `${mqttPort}`, '--status-port', `${statusPort}`];
    const program = startBundle('master', ['--data-dir', path, '--listen', '127.0.0.1', ...ports]);
    try {
      const full = await createKubectl(join(path, 'admin.kubeconfig'), folder);
      await waitFor('the master is ready', async () => (await full.run(['get', '--raw', '/readyz'])).code === 0);
      const big = (index: number): string =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: `big-${index}` },
          data: { a: 'x'.repeat(900_000) },
        });
      let failure = '';
      for (let index = 0; index < 60 && failure === ''; index += 1) {
        const { code, stderr } = await full.run(['create', '-f', '-'], { stdin: big(index) });
        if (code !== 0) failure = stderr;
      }
      assert.match(failure, /disk|space/i);
      // Reading goes on, and so does the master.
      assert.match(await full.output(['get', 'configmaps']), /big-0/);
    } finally {
      program.kill();
      await program.ended;
      await runProgram('umount', [path], { env: process.env });
    }
  });

  async function createToken(...args: string[]): Promise<string> {
    const { code, output } = await bramble('token', 'create', '--data-dir', cluster.folder.path, ...args);
    assert.equal(code, 0, output);
    return output.trim();
  }

  async function joinWith(token: string): Promise<Outcome> {
    return agent(token, ['--docker', cluster.engine.socketPath]);
  }

  async function agent(token: string, args: readonly string[], until?: RegExp): Promise<Outcome> {
    const data = await mkdtemp(join(folder, 'agent-'));
    const own = ['--data-dir', data, '--name', 'stranger', '--join', token, '--network', 'off'];
    const master = ['--master', '127.0.0.1', '--mqtt-port', `${cluster.state.mqttPort}`];
    return runBundle('agent', [...own, ...master, ...args], until);
  }
});

function pod({ name, extra }: { name: string; extra: string }): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: x, ${extra}}]}\n`;
}

async function otherPorts(): Promise<string[]> {
  const [api = 0, mqtt = 0, status = 0] = await findFreePorts(3);
  return ['--api-port', `${api}`, '--mqtt-port', `${mqtt}`, '--status-port', `${status}`];
}

function master(dataDir: string, args: readonly string[]): Promise<Outcome> {
  return runBundle('master', ['--data-dir', dataDir, '--listen', '127.0.0.1', ...args]);
}

function bramble(...args: string[]): Promise<Outcome> {
  return runProgram(join(ROOT, 'cli/bramble'), args, { env: process.env });
}

/** Runs the program until it ends, has said what was waited for, or the time is over. */
async function runBundle(program: 'master' | 'agent', args: readonly string[], until?: RegExp): Promise<Outcome> {
  const running = startBundle(program, args);
  let code: number | undefined;
  const ended = running.ended.then((value) => {
    code = value;
  });
  await waitFor('the end', () => code !== undefined || until?.test(running.text()), PROGRAM_TIMEOUT_MS).catch(
    () => undefined,
  );
  running.kill();
  await ended;
  return { code: code ?? -1, output: running.text() };
}

function startBundle(program: 'master' | 'agent', args: readonly string[]) {
  const child = spawn(process.execPath, [join(ROOT, `dist/${program}.cjs`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return {
    text: () => text,
    kill: () => {
      child.kill('SIGKILL');
    },
    ended: new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  };
}
