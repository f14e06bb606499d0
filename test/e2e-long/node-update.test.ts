/**
 * `bramble node update` on two boards with versions side by side: one after the other, pods untouched; versions that do not
 * work are taken back; budgets hold; the power fails while a bundle is unpacked.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureBundles } from '../../cli/setup/bundles.ts';
import { createTestContext, startTestCluster, type TestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { run } from '../support/firmware/pi-image.ts';
import { makeSmallBundle, SupervisedBoard } from '../support/firmware/supervised-board.ts';
import { ROOT } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE = { timeoutMs: 125_000 };
const TRIAL_SECONDS = 60;
const NAMES = ['board-a', 'board-b'] as const;

let folder: string;
let cluster: TestCluster;
const boards: SupervisedBoard[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-update-'));
  cluster = await startTestCluster();
  await ensureBundles(createTestContext(), ['agent']);
  await run(process.execPath, [join(ROOT, 'cli/build-bundles.ts'), 'cli']);
  const token = await bramble('token', 'create');
  const { state, engine } = cluster;
  const flags = [
    ...['--join', token.stdout.trim(), '--master', '127.0.0.1', '--mqtt-port', String(state.mqttPort)],
    ...['--docker', engine.socketPath, '--network', 'off', '--peer-port', '0', '--mdns', 'off'],
  ];
  for (const name of NAMES) {
    const board = await SupervisedBoard.make({ name, version: '1.0.0', flags, trialSeconds: TRIAL_SECONDS });
    boards.push(board);
    board.start();
    await waitReady(name);
  }
  for (const name of NAMES) await cluster.kubectl.output(['apply', '-f', '-'], { stdin: renderPod(name) });
  await cluster.kubectl.output(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s'], PATIENCE);
});

after(async () => {
  for (const board of boards) await board.remove();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

function renderPod(node: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: on-${node}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 1
  containers:
    - {name: main, image: "${TEST_IMAGE}", imagePullPolicy: Never, command: [sleep, '86400']}
`;
}

async function waitReady(name: string): Promise<void> {
  await cluster.kubectl.output(['wait', '--for=create', `node/${name}`, '--timeout=60s'], PATIENCE);
  await cluster.kubectl.output(['wait', '--for=condition=Ready', `node/${name}`, '--timeout=120s'], PATIENCE);
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function bramble(...args: string[]): Promise<Ended> {
  return startBramble(args).ended;
}

function startBramble(args: readonly string[]): { ended: Promise<Ended>; said(): string } {
  const child = spawn(join(ROOT, 'cli/bramble'), [...args, '--data-dir', cluster.folder.path], { stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk.toString();
    });
  }
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...said })));
  return { ended, said: () => said.stderr };
}

function update(bundle: string, ...args: string[]): Promise<Ended> {
  return bramble('node', 'update', '--bundle', bundle, '--sign-with', cluster.folder.path, ...args);
}

/** Containers and their starts: an update changes none of them. */
async function readContainers(): Promise<string> {
  const path =
    'jsonpath={range .items[*]}{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\\n"}{end}';
  return cluster.kubectl.output(['get', 'pods', '-o', path]);
}

test('two boards get a version, one after the other, and their pods run on', async () => {
  const before = await readContainers();
  const bundle = await makeSmallBundle(folder, { version: '2.0.0' });
  const { code, stdout, stderr } = await update(bundle, ...NAMES);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'node/board-a runs 2.0.0\nnode/board-b runs 2.0.0\n');
  for (const board of boards) assert.match(await board.current(), /^versions\/2\.0\.0-/);
  assert.equal(await readContainers(), before);
});

test('the same bundle again changes nothing', async () => {
  const { code, stdout, stderr } = await update(join(folder, 'bramble-2.0.0.tar.gz'), 'board-a');
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'node/board-a runs 2.0.0\n');
});

test('a version that ends at once is taken back, and the board after it is not touched', async () => {
  const bundle = await makeSmallBundle(folder, { version: '3.0.0', agent: 'process.exit(1);' });
  const { code, stderr } = await update(bundle, ...NAMES);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /node\/board-a went back to the version before: it ended 3 times/);
  for (const board of boards) assert.match(await board.current(), /^versions\/2\.0\.0-/);
  await waitReady('board-a');
});

test('a version that never gets through to the master is taken back when its time is over', async () => {
  const bundle = await makeSmallBundle(folder, { version: '4.0.0', agent: 'setInterval(() => undefined, 1000);' });
  const { code, stderr } = await update(bundle, 'board-a');
  assert.equal(code, 1, stderr);
  assert.match(stderr, /went back to the version before: the board was not ready within 60 s/);
  assert.match(await (boards[0] as SupervisedBoard).current(), /^versions\/2\.0\.0-/);
  await waitReady('board-a');
});

test('a bundle of another cluster is refused by the board', async () => {
  const bundle = await makeSmallBundle(folder, { version: '5.0.0' });
  await run('sh', ['-c', `printf 'bm9wZQ==' >'${bundle}.sig'`]);
  const { code, stderr } = await bramble('node', 'update', '--bundle', bundle, 'board-a');
  assert.equal(code, 77, stderr);
  assert.match(stderr, /not signed with this cluster's key/);
});

test('the power fails while the bundle is sent: the version before runs, and the next update goes through', async () => {
  const [board] = boards as [SupervisedBoard];
  const bundle = join(folder, 'bramble-5.0.0.tar.gz');
  const running = startBramble(['node', 'update', 'board-a', '--bundle', bundle, '--sign-with', cluster.folder.path]);
  await waitFor('the bundle is under way', () => /% sent/.test(running.said()), 60_000);
  await board.cutPower();
  const cut = await running.ended;
  assert.notEqual(cut.code, 0, cut.stderr);
  board.start();
  await waitReady('board-a');
  assert.match(await board.current(), /^versions\/2\.0\.0-/);
  const { code, stdout, stderr } = await update(bundle, 'board-a');
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'node/board-a runs 5.0.0\n');
});

test('while another board is away, none is updated unless that is allowed', async () => {
  const [, other] = boards as [SupervisedBoard, SupervisedBoard];
  await other.cutPower();
  await cluster.kubectl.output(['wait', '--for=condition=Ready=Unknown', 'node/board-b', '--timeout=60s'], PATIENCE);
  const bundle = await makeSmallBundle(folder, { version: '6.0.0' });
  const refused = await update(bundle, 'board-a');
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /2 boards would be away at once .* and 1 may be/);
  const allowed = await update(bundle, 'board-a', '--max-unavailable', '2');
  assert.equal(allowed.code, 0, allowed.stderr);
});
